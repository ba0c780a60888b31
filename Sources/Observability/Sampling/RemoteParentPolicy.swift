private import Synchronization

/// What a listener does with the trace context of its callers.
///
/// Anybody can send a `traceparent`: callers that are not trusted could otherwise join traces of others, fill the backend
/// by marking everything as sampled, and put values into baggage. One policy for each gRPC server; see W3C Trace Context,
/// "Security considerations".
public final class RemoteParentPolicy: Sendable {
    /// How far callers are trusted.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        /// Their traces are continued as they come: for callers of the same owner.
        case trust
        /// Their traces are continued, but their wish to be sampled is met only so often; otherwise they count as not
        /// sampled. Their baggage is dropped. A call of theirs that fails still makes its trace be kept.
        ///
        /// Wants a parent-based sampler: any other decides by the trace's id, and that is the caller's choice too.
        case `continue`
        /// A new trace begins, with a link to theirs. Their baggage is dropped.
        case restart
    }

    /// How far callers are trusted.
    public let mode: Mode
    private let limit: Mutex<RateLimit>
    private let forced = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)

    /// Creates a policy.
    ///
    /// - Parameters:
    ///   - mode: How far callers are trusted.
    ///   - forcedPerSecond: How many calls may force their sampling each second; only for ``Mode/continue``.
    public init(_ mode: Mode = .trust, forcedPerSecond: Double = 1) {
        self.mode = mode
        // A tenth a second is one every ten seconds, but none a second is none.
        limit = Mutex(RateLimit(perSecond: forcedPerSecond, burst: forcedPerSecond > 0 ? max(1, forcedPerSecond) : 0))
    }

    /// How many calls have forced their sampling, and how many were refused; a trace may have several calls.
    public var statistics: (forced: Int, refused: Int) {
        (forced.load(ordering: .relaxed), refused.load(ordering: .relaxed))
    }

    /// Decides about what a caller sent.
    ///
    /// - Parameters:
    ///   - context: What the carrier brought.
    ///   - provider: Whose sampler decides instead of the caller.
    /// - Returns: The parent of the listener's span, and its links.
    public func admit(
        _ context: ActiveContext,
        to provider: TracerProvider
    ) -> (parent: ActiveContext, links: [OTelSpan.Link]) {
        guard mode != .trust else { return (context, []) }
        guard let caller = context.spanContext else { return (ActiveContext(), []) }
        guard mode == .continue else { return (ActiveContext(), [OTelSpan.Link(context: caller)]) }
        // Not by asking the sampler about the trace: who chooses the id chooses the answer.
        guard caller.isSampled, provider.pipeline.plan.root != .on else {
            return (ActiveContext(spanContext: caller), [])
        }
        guard limit.withLock({ $0.take(at: provider.now()) }) else {
            refused.wrappingAdd(1, ordering: .relaxed)
            let unsampled = SpanContext(
                traceID: caller.traceID,
                spanID: caller.spanID,
                flags: caller.flags.subtracting(.sampled),
                traceState: caller.traceState,
                isRemote: caller.isRemote
            )
            return (ActiveContext(spanContext: unsampled), [])
        }
        forced.wrappingAdd(1, ordering: .relaxed)
        return (ActiveContext(spanContext: caller), [])
    }
}
