internal import Logging
internal import Observability

/// The part of the exporter that belongs to the exporting thread: buffers, the libcurl handle, the log's memory.
struct ExportWorker {
    private let configuration: OTLPExporterConfiguration
    private let retryPolicy: RetryPolicy
    private let multi: CurlMulti
    private let encoder = OTLPEncoder()
    private let compressor: GzipCompressor?
    private let request: CurlRequest
    private var log: FailureLog

    init(
        _ configuration: OTLPExporterConfiguration,
        multi: CurlMulti,
        userAgent: String,
        logger: Logger
    ) throws(OTLPExporterError) {
        self.configuration = configuration
        self.multi = multi
        retryPolicy = RetryPolicy(
            initialDelay: configuration.initialBackoff,
            maximumDelay: configuration.maximumBackoff
        )
        switch configuration.compression {
        case .none: compressor = nil
        case .gzip:
            guard let gzip = GzipCompressor() else { throw .unavailable("zlib could not be started") }
            compressor = gzip
        }
        request = try CurlRequest(configuration, userAgent: userAgent)
        log = FailureLog(logger: logger, endpoint: configuration.endpointForLog)
    }

    /// Sends spans in one request, or in two halves when they are too many bytes for one.
    mutating func export(
        _ spans: ArraySlice<FinishedSpan>,
        resource: Resource,
        deadline: () -> ExportDeadline
    ) -> SpanExportResult {
        if let ended = failureOfDeadline(deadline()) { return lose(spans.count, ended) }
        let outcome = encoder.encode(spans, resource: resource, limit: configuration.requestLimit) { body in
            deliver(body, deadline: deadline)
        }
        switch outcome {
        case .delivered(let rejected, let warning):
            let lost = min(rejected, spans.count)
            if lost > 0 {
                let failure = ExportFailure(errorType: ExportFailure.rejected, detail: warning)
                return lose(lost, failure, exported: spans.count - lost)
            }
            if !warning.isEmpty { log.record(warning: warning) }
            return SpanExportResult(exported: spans.count)
        case .failed(let failure):
            return lose(spans.count, failure)
        case nil:
            guard spans.count > 1 else {
                let detail = "a span is longer than \(configuration.requestLimit) bytes"
                return lose(1, ExportFailure(errorType: ExportFailure.tooLarge, detail: detail))
            }
            let middle = spans.startIndex + spans.count / 2
            let first = export(spans[..<middle], resource: resource, deadline: deadline)
            let second = export(spans[middle...], resource: resource, deadline: deadline)
            return SpanExportResult(
                exported: first.exported + second.exported,
                failed: first.failed + second.failed,
                errorType: first.failed >= second.failed ? first.errorType : second.errorType
            )
        }
    }

    /// Sends a request again and again until something final happens.
    private func deliver(
        _ body: UnsafeRawBufferPointer,
        deadline: () -> ExportDeadline
    ) -> OTLPResponse.Outcome {
        var body = body
        if let compressor {
            guard let compressed = compressor.compress(body) else {
                return .failed(ExportFailure(errorType: ExportFailure.tooLarge, detail: "zlib refuses the batch"))
            }
            body = compressed
        }
        var retry = 0
        while true {
            guard let outcome = request.post(body, on: multi, until: { deadline().instant }) else {
                return .failed(ExportFailure(errorType: deadline().errorType, detail: "no answer in time"))
            }
            guard case .failed(let failure) = outcome, failure.isRetryable else { return outcome }
            let delay = retryPolicy.delay(
                retry: retry,
                retryAfter: failure.retryAfter,
                chance: Double.random(in: 0...1)
            )
            guard wait(until: .now + delay, deadline: deadline) else { return outcome }
            retry += 1
        }
    }

    /// Waits for a point in time.
    ///
    /// - Returns: `false`, at once, when the deadline comes first or a shutdown moves it there.
    private func wait(until instant: ContinuousClock.Instant, deadline: () -> ExportDeadline) -> Bool {
        while ContinuousClock.now < instant {
            guard instant < deadline().instant else { return false }
            multi.wait(until: instant)
        }
        return true
    }

    private func failureOfDeadline(_ deadline: ExportDeadline) -> ExportFailure? {
        guard ContinuousClock.now >= deadline.instant else { return nil }
        return ExportFailure(errorType: deadline.errorType, detail: "no time was left to send them")
    }

    private mutating func lose(_ count: Int, _ failure: ExportFailure, exported: Int = 0) -> SpanExportResult {
        log.record(failure, spans: count)
        return SpanExportResult(exported: exported, failed: count, errorType: failure.errorType)
    }
}
