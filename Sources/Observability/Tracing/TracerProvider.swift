private import Synchronization

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// What all tracers of a process share: resource, sampler, limits, identifiers and the processor.
///
/// Implements the OpenTelemetry trace SDK, "TracerProvider". It is passed to who needs it; nothing is global.
public final class TracerProvider: Sendable {
    /// Describes the process.
    public let resource: Resource
    /// Whether spans are made; otherwise the caller's context is passed on as it came.
    public let isEnabled: Bool
    /// Decides which spans are recorded.
    public let sampler: Sampler
    /// How much a span may hold.
    public let limits: SpanLimits

    private let ids: IDGenerator
    private let processor: any SpanProcessor
    private let clock: @Sendable () -> UInt64

    /// Creates a provider.
    ///
    /// - Parameters:
    ///   - resource: Describes the process.
    ///   - sampler: Decides which spans are recorded.
    ///   - limits: How much a span may hold.
    ///   - ids: Makes identifiers.
    ///   - processor: Receives the sampled spans that end.
    ///   - isEnabled: Whether spans are made at all.
    ///   - clock: The time in nanoseconds since the Unix epoch.
    public init(
        resource: Resource,
        sampler: Sampler = .parentBased(root: .alwaysOn),
        limits: SpanLimits = SpanLimits(),
        ids: IDGenerator = IDGenerator(),
        processor: any SpanProcessor,
        isEnabled: Bool = true,
        clock: @escaping @Sendable () -> UInt64 = { TracerProvider.wallClock() }
    ) {
        self.resource = resource
        self.isEnabled = isEnabled
        self.sampler = sampler
        self.limits = limits
        self.ids = ids
        self.processor = processor
        self.clock = clock
    }

    /// Makes the tracer of a module.
    public func tracer(_ name: String, version: String = "") -> OTelTracer {
        OTelTracer(scope: InstrumentationScope(name: name, version: version), provider: self)
    }

    /// The time in nanoseconds since the Unix epoch.
    public func now() -> UInt64 { clock() }

    /// Exports what has ended so far.
    ///
    /// - Parameter timeout: How long it may take.
    /// - Returns: Whether everything was handed over in time.
    @discardableResult
    public func forceFlush(timeout: Duration) async -> Bool {
        await processor.forceFlush(timeout: timeout)
    }

    /// Exports what has ended so far and refuses what ends later.
    ///
    /// - Parameter timeout: How long it may take; it never takes longer, whatever the backend does.
    /// - Returns: Whether everything was handed over in time.
    @discardableResult
    public func shutdown(timeout: Duration) async -> Bool {
        await processor.shutdown(timeout: timeout)
    }

    /// The system's wall clock in nanoseconds since the Unix epoch.
    public static func wallClock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    func makeTraceID() -> TraceID { ids.makeTraceID() }

    func makeSpanID() -> SpanID { ids.makeSpanID() }

    func spanEnded(_ span: FinishedSpan, isSampled: Bool) {
        if isSampled { processor.onEnd(span) }
    }
}
