/// Receives spans that end. Called on the thread that ends a span: it must be quick and never throw or block.
///
/// Implements the OpenTelemetry trace SDK, "SpanProcessor". Only sampled spans arrive.
public protocol SpanProcessor: Sendable {
    /// Takes a span that ended.
    func onEnd(_ span: EndedSpan)

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

/// A span that has just ended, as a processor gets it: a reference, so that handing it on copies nothing.
public struct EndedSpan: Sendable {
    let record: SpanRecord

    init(_ record: SpanRecord) {
        self.record = record
    }

    /// Creates an ended span that no tracer made, for tests of processors.
    public init(_ span: FinishedSpan) {
        record = SpanRecord(SpanPipeline(processor: NoOpSpanProcessor(), capacity: 0))
        record.data = span
        record.isSampled = true
    }

    /// A copy of what was recorded.
    public var finished: FinishedSpan {
        record.complete()
        return record.data
    }
}

/// Drops every span: the processor of a process whose tracing is off.
public struct NoOpSpanProcessor: SpanProcessor {
    /// Creates the processor.
    public init() {}

    /// Drops the span.
    public func onEnd(_ span: EndedSpan) {}

    /// Has nothing to do.
    public func forceFlush(timeout: Duration) async -> Bool { true }

    /// Has nothing to do.
    public func shutdown(timeout: Duration) async -> Bool { true }
}

/// Hands every span to several processors, in their order.
public struct SpanProcessorGroup: SpanProcessor {
    private let processors: [any SpanProcessor]

    /// Creates the group.
    public init(_ processors: [any SpanProcessor]) {
        self.processors = processors
    }

    /// Hands the span to each.
    public func onEnd(_ span: EndedSpan) {
        // Before several threads may look at it.
        span.record.complete()
        for processor in processors { processor.onEnd(span) }
    }

    /// Flushes all at the same time.
    public func forceFlush(timeout: Duration) async -> Bool {
        await all { await $0.forceFlush(timeout: timeout) }
    }

    /// Shuts all down at the same time.
    public func shutdown(timeout: Duration) async -> Bool {
        await all { await $0.shutdown(timeout: timeout) }
    }

    private func all(_ body: @escaping @Sendable (any SpanProcessor) async -> Bool) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            for processor in processors {
                group.addTask { await body(processor) }
            }
            return await group.reduce(true) { $0 && $1 }
        }
    }
}
