/// Receives spans that end. Called on the thread that ends a span: it must be quick and never throw or block.
///
/// Implements the OpenTelemetry trace SDK, "SpanProcessor". Only sampled spans arrive.
public protocol SpanProcessor: Sendable {
    /// Takes a span that ended.
    func onEnd(_ span: FinishedSpan)

    /// Exports what has arrived.
    ///
    /// - Parameter timeout: How long it may take.
    /// - Returns: Whether everything was handed over in time.
    func forceFlush(timeout: Duration) async -> Bool

    /// Exports what has arrived, then refuses spans.
    ///
    /// - Parameter timeout: How long it may take, whatever the backend does.
    /// - Returns: Whether everything was handed over in time.
    func shutdown(timeout: Duration) async -> Bool
}

/// Drops every span: the processor of a process whose tracing is off.
public struct NoOpSpanProcessor: SpanProcessor {
    /// Creates the processor.
    public init() {}

    /// Drops the span.
    public func onEnd(_ span: FinishedSpan) {}

    /// Has nothing to do.
    public func forceFlush(timeout: Duration) async -> Bool { true }

    /// Has nothing to do.
    public func shutdown(timeout: Duration) async -> Bool { true }
}
