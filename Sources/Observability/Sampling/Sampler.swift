/// Decides at the start of a span whether it is recorded.
///
/// Implements the OpenTelemetry trace SDK, "Sampler". A value rather than a protocol: the specification's set is closed
/// and a switch is what the hot path wants.
public indirect enum Sampler: Sendable, Hashable {
    /// Records every span.
    case alwaysOn
    /// Records no span.
    case alwaysOff
    /// Records this share of traces, decided by 56 bits of the trace's randomness, so that a higher share is a superset
    /// of a lower one and all services decide alike. Recorded traces carry the threshold in `tracestate`.
    case traceIDRatio(Double)
    /// Follows the parent: each of its situations has a sampler, and so have spans without one.
    case parentBased(
        root: Sampler,
        remoteParentSampled: Sampler = .alwaysOn,
        remoteParentNotSampled: Sampler = .alwaysOff,
        localParentSampled: Sampler = .alwaysOn,
        localParentNotSampled: Sampler = .alwaysOff
    )
}

extension Sampler {
    /// Decides for one span. Tracers use the same rules, made ready once.
    ///
    /// - Parameters:
    ///   - parent: The parent's context, if there is a valid one.
    ///   - traceID: The trace that the span will belong to.
    /// - Returns: Whether to record and export it.
    public func shouldSample(parent: SpanContext?, traceID: TraceID) -> Bool {
        let plan = SamplingPlan(self)
        let rule = parent.map { plan.rule(parentIsRemote: $0.isRemote, parentIsSampled: $0.isSampled) } ?? plan.root
        return rule.includes(traceID)
    }
}

extension Sampler: CustomStringConvertible {
    /// The name that the specification prescribes.
    public var description: String {
        switch self {
        case .alwaysOn: "AlwaysOnSampler"
        case .alwaysOff: "AlwaysOffSampler"
        case .traceIDRatio(let ratio): "TraceIdRatioBased{\(Self.sixDecimals(ratio))}"
        case .parentBased(let root, let remoteSampled, let remoteNot, let localSampled, let localNot):
            "ParentBased{root:\(root),remoteParentSampled:\(remoteSampled),remoteParentNotSampled:\(remoteNot),"
                + "localParentSampled:\(localSampled),localParentNotSampled:\(localNot)}"
        }
    }

    private static func sixDecimals(_ ratio: Double) -> String {
        // Comparisons with NaN are false, so it comes out as what is done with it: everything is recorded.
        let millionths = ratio < 1 ? Int((max(ratio, 0) * 1e6).rounded()) : 1_000_000
        let digits = String(millionths % 1_000_000)
        return "\(millionths / 1_000_000)." + String(repeating: "0", count: 6 - digits.count) + digits
    }
}
