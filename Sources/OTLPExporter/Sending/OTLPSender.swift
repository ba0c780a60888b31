internal import Logging
internal import Observability

/// What became of a batch, whatever was in it.
struct ExportResult: Hashable {
    var delivered: Int
    var lost = 0
    /// Why most of the lost ones were lost.
    var errorType: String?
}

/// The sending half of an exporter: takes finished request bodies and sees to gzip, repetitions, partial success and
/// batches that are too long.
///
/// Belongs to the exporting thread, with its buffers, its libcurl handle and its memory of what was logged.
struct OTLPSender {
    private let signal: OTLPSignal
    private let configuration: OTLPExporterConfiguration
    private let shutdown: ExportShutdown
    private let retryPolicy: RetryPolicy
    private let compressor: GzipCompressor?
    private let request: CurlRequest
    private let metrics: ExportMetrics?
    private var log: FailureLog
    /// Until when the backend wants to be left alone, and how it said so.
    private var quiet: (until: ContinuousClock.Instant, failure: ExportFailure)?

    /// How long the backend's wish holds for the batches that come later. A mistake in it must not end the telemetry.
    private static let longestQuiet = Duration.seconds(300)

    /// Creates a sender. Nothing is sent yet.
    ///
    /// - Parameters:
    ///   - signal: What is sent.
    ///   - configuration: Where to and how; valid.
    ///   - shutdown: Ends exports early.
    ///   - metrics: Shows how long exports take.
    ///   - logger: Hears of losses.
    init(
        _ signal: OTLPSignal,
        configuration: OTLPExporterConfiguration,
        shutdown: ExportShutdown,
        metrics: MetricsRegistry? = nil,
        logger: Logger
    ) throws(OTLPExporterError) {
        self.signal = signal
        self.configuration = configuration
        self.shutdown = shutdown
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
        request = try CurlRequest(configuration)
        self.metrics = metrics.map {
            ExportMetrics($0, signal: signal, endpoint: EndpointURL(configuration.endpoint))
        }
        log = FailureLog(logger: logger, signal: signal, endpoint: configuration.endpointForLog)
    }

    /// Sends a batch in one request, or in halves when it is too many bytes for one, and reports losses.
    ///
    /// - Parameters:
    ///   - items: What to send, not empty.
    ///   - deadline: When the caller wants it to have ended; the configured time-out may end it earlier.
    ///   - encode: Gives the request for some of the items, of at most so many bytes, to a function, and returns what
    ///     that returns; `nil` when the request would be longer.
    mutating func export<Item>(
        _ items: ArraySlice<Item>,
        deadline: ContinuousClock.Instant,
        encode: (ArraySlice<Item>, Int, (UnsafeRawBufferPointer) -> OTLPResponse.Outcome) -> OTLPResponse.Outcome?
    ) -> ExportResult {
        let timeout = configuration.timeout
        let start = ContinuousClock.now
        request.reset()
        let ofCall = timeout > .zero ? min(deadline, start + timeout) : deadline
        let result = export(items, deadline: ExportDeadline(ofCall: ofCall, shutdown: shutdown), encode: encode)
        metrics?.record(.now - start, status: request.status, errorType: result.errorType)
        return result
    }

    private mutating func export<Item>(
        _ items: ArraySlice<Item>,
        deadline: ExportDeadline,
        encode: (ArraySlice<Item>, Int, (UnsafeRawBufferPointer) -> OTLPResponse.Outcome) -> OTLPResponse.Outcome?
    ) -> ExportResult {
        if deadline.hasPassed {
            return lose(items.count, ExportFailure(errorType: deadline.errorType, detail: "no time was left to send"))
        }
        switch encode(items, configuration.requestLimit, { send($0, deadline: deadline) }) {
        case .delivered(let rejected, let warning):
            let lost = min(rejected, items.count)
            if lost > 0 {
                let failure = ExportFailure(errorType: ExportFailure.rejected, detail: warning)
                return lose(lost, failure, delivered: items.count - lost)
            }
            if !warning.isEmpty { log.record(warning: warning) }
            return ExportResult(delivered: items.count)
        case .failed(let failure):
            return lose(items.count, failure)
        case nil:
            guard items.count > 1 else {
                let detail = "a \(signal.item) is longer than \(configuration.requestLimit) bytes"
                return lose(1, ExportFailure(errorType: ExportFailure.tooLarge, detail: detail))
            }
            let middle = items.startIndex + items.count / 2
            let first = export(items[..<middle], deadline: deadline, encode: encode)
            let second = export(items[middle...], deadline: deadline, encode: encode)
            return ExportResult(
                delivered: first.delivered + second.delivered,
                lost: first.lost + second.lost,
                errorType: first.lost >= second.lost ? first.errorType : second.errorType
            )
        }
    }

    /// Sends a finished request again and again until something final happens.
    mutating func send(_ body: UnsafeRawBufferPointer, deadline: ExportDeadline) -> OTLPResponse.Outcome {
        if let quiet, !wait(until: quiet.until, deadline: deadline) { return .failed(quiet.failure) }
        var body = body
        if let compressor {
            guard let compressed = compressor.compress(body) else {
                return .failed(ExportFailure(errorType: ExportFailure.tooLarge, detail: "zlib refuses the batch"))
            }
            body = compressed
        }
        var retry = 0
        while true {
            guard let outcome = request.post(body, on: shutdown.multi, until: { deadline.instant }) else {
                return .failed(ExportFailure(errorType: deadline.errorType, detail: "no answer in time"))
            }
            guard case .failed(let failure) = outcome, failure.isRetryable else { return outcome }
            quiet = failure.retryAfter.map { (.now + min($0, Self.longestQuiet), failure) }
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
    private func wait(until instant: ContinuousClock.Instant, deadline: ExportDeadline) -> Bool {
        while ContinuousClock.now < instant {
            guard instant < deadline.instant else { return false }
            shutdown.multi.wait(until: instant)
        }
        return true
    }

    private mutating func lose(_ count: Int, _ failure: ExportFailure, delivered: Int = 0) -> ExportResult {
        log.record(failure, lost: count)
        return ExportResult(delivered: delivered, lost: count, errorType: failure.errorType)
    }
}
