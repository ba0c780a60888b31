private import Synchronization

/// What all tracers of a process share: resource, sampler, limits, identifiers and the processor.
///
/// Implements the OpenTelemetry trace SDK, "TracerProvider". It is passed to who needs it; nothing is global.
public final class TracerProvider: Sendable {
    /// Describes the process.
    public let resource: Resource
    /// Whether spans are made; otherwise the caller's context is passed on as it came.
    public var isEnabled: Bool { pipeline.isEnabled }
    /// Decides which spans are recorded.
    public let sampler: Sampler
    /// How much a span may hold.
    public var limits: SpanLimits { pipeline.limits }

    let pipeline: SpanPipeline
    /// What tracers use that are asked for after the shutdown: they make no spans.
    private let closedPipeline = SpanPipeline(isEnabled: false, processor: NoOpSpanProcessor(), capacity: 0)
    private let isShutDown = Atomic<Bool>(false)
    private let tracers = Atomic<UInt64>(0)

    /// Creates a provider.
    ///
    /// - Parameters:
    ///   - resource: Describes the process.
    ///   - sampler: Decides which spans are recorded.
    ///   - tailKeep: Holds what the sampler drops, for the case that it matters after all; nothing is held when `nil`.
    ///   - baggageAllowList: The baggage that becomes attributes of recording spans.
    ///   - limits: How much a span may hold.
    ///   - ids: Makes identifiers.
    ///   - processor: Receives the sampled spans that end.
    ///   - isEnabled: Whether spans are made at all.
    ///   - clock: The time in nanoseconds since the Unix epoch; the system's wall clock when `nil`.
    public init(
        resource: Resource,
        sampler: Sampler = .parentBased(root: .alwaysOn),
        tailKeep: TailKeep? = nil,
        baggageAllowList: BaggageAllowList = BaggageAllowList(),
        limits: SpanLimits = SpanLimits(),
        ids: consuming IDGenerator = IDGenerator(),
        processor: any SpanProcessor,
        isEnabled: Bool = true,
        clock: (@Sendable () -> UInt64)? = nil
    ) {
        self.resource = resource
        self.sampler = sampler
        pipeline = SpanPipeline(
            isEnabled: isEnabled,
            sampler: sampler,
            tailKeep: tailKeep,
            baggageAllowList: baggageAllowList,
            ids: ids,
            limits: limits,
            processor: processor,
            clock: clock
        )
    }

    deinit {
        pipeline.close()
    }

    /// Makes the tracer of a module; after the shutdown one that makes no spans and passes the caller's context on.
    public func tracer(_ name: String, version: String = "") -> OTelTracer {
        OTelTracer(
            scope: InstrumentationScope(name: name, version: version),
            provider: self,
            pipeline: isShutDown.load(ordering: .acquiring) ? closedPipeline : pipeline
        )
    }

    /// A number that no other tracer of the provider has; 0 is nobody's.
    func nextTracerNumber() -> UInt64 { tracers.wrappingAdd(1, ordering: .relaxed).newValue }

    /// The time in nanoseconds since the Unix epoch.
    public func now() -> UInt64 { pipeline.now() }

    /// Holds what the sampler drops.
    public var tailKeep: TailKeep? { pipeline.tailKeep }

    /// Exports all that this process knows of a trace and what it still adds to it.
    ///
    /// - Parameters:
    ///   - traceID: The trace.
    ///   - reason: Why it matters.
    public func keepTrace(_ traceID: TraceID, _ reason: TailKeep.Reason) {
        pipeline.keepTrace(traceID, reason)
    }

    /// How many spans were started, and what became of them.
    public var statistics: SpanStatistics { pipeline.statistics.snapshot }

    /// Exports what has ended so far.
    ///
    /// - Parameter timeout: How long it may take.
    /// - Returns: Whether everything was handed over in time.
    @discardableResult
    public func forceFlush(timeout: Duration) async -> Bool {
        await pipeline.forceFlush(timeout: timeout)
    }

    /// Exports what has ended so far and refuses what ends later.
    ///
    /// - Parameter timeout: How long it may take; it never takes longer, whatever the backend does.
    /// - Returns: Whether everything was handed over in time.
    @discardableResult
    public func shutdown(timeout: Duration) async -> Bool {
        isShutDown.store(true, ordering: .releasing)
        return await pipeline.shutdown(timeout: timeout)
    }

    /// The system's wall clock in nanoseconds since the Unix epoch.
    public static func wallClock() -> UInt64 { SpanPipeline.wallClock() }
}
