internal import Tracing

/// Writes spans as JSON lines: `OTEL_TRACES_EXPORTER=console`, for looking at traces without a backend.
///
/// The format is for people and may change. Implements the OpenTelemetry "Standard output" exporter.
public struct ConsoleSpanExporter: SpanExporter {
    private let writer: LogWriter
    private let next: (any SpanExporter)?

    /// Creates an exporter.
    ///
    /// - Parameters:
    ///   - writer: Where the lines go.
    ///   - next: Gets the same spans afterwards, for `OTEL_TRACES_EXPORTER=otlp,console`; its outcome is the outcome.
    public init(writer: LogWriter = .standardOutput, next: (any SpanExporter)? = nil) {
        self.writer = writer
        self.next = next
    }

    /// Where the next exporter sends the spans.
    public var server: ExportServer? { next?.server }

    /// Writes one line for each span.
    ///
    /// - Parameters:
    ///   - batch: The spans.
    ///   - resource: The process that made them.
    ///   - deadline: When to give up at the latest.
    /// - Returns: All spans as exported, or the outcome of the next exporter.
    public func export(
        _ batch: [FinishedSpan],
        resource: Resource,
        deadline: ContinuousClock.Instant
    ) -> SpanExportResult {
        for span in batch { writer.write(JSONLogLine.format(span, serviceName: resource.serviceName)) }
        return next?.export(batch, resource: resource, deadline: deadline) ?? SpanExportResult(exported: batch.count)
    }

    /// Ends the next exporter by a deadline.
    public func shutdown(deadline: ContinuousClock.Instant) {
        next?.shutdown(deadline: deadline)
    }
}
