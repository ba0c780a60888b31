/// Decides at the start of a span whether it is recorded.
///
/// Implements the OpenTelemetry trace SDK, "Sampler". A value rather than a protocol: the specification's set is closed
/// and a switch is what the hot path wants.
public indirect enum Sampler: Sendable, Hashable {
    /// Records every span.
    case alwaysOn
    /// Records no span.
    case alwaysOff
    /// Records this share of traces, decided by the trace id's low 56 bits, so that a higher share is a superset of a
    /// lower one and all services decide alike.
    case traceIDRatio(Double)
    /// Follows the parent's decision; asks the root sampler where there is no parent.
    case parentBased(root: Sampler)

    /// Decides for one span.
    ///
    /// - Parameters:
    ///   - parent: The parent's context, if there is a valid one.
    ///   - traceID: The trace that the span will belong to.
    /// - Returns: Whether to record and export it.
    func shouldSample(parent: SpanContext?, traceID: TraceID) -> Bool {
        switch self {
        case .alwaysOn: true
        case .alwaysOff: false
        case .traceIDRatio(let ratio): Self.isWithin(ratio, traceID: traceID)
        case .parentBased(let root): parent?.isSampled ?? root.shouldSample(parent: nil, traceID: traceID)
        }
    }

    /// The randomness of the trace is compared with a 56-bit threshold (tracestate-probability-sampling).
    private static func isWithin(_ ratio: Double, traceID: TraceID) -> Bool {
        guard ratio < 1 else { return true }
        guard ratio > 0 else { return false }
        let threshold = UInt64(((1 - ratio) * 0x1p56).rounded())
        return traceID.low & 0x00FF_FFFF_FFFF_FFFF >= threshold
    }
}

extension Sampler: CustomStringConvertible {
    /// The name that the specification prescribes.
    public var description: String {
        switch self {
        case .alwaysOn: "AlwaysOnSampler"
        case .alwaysOff: "AlwaysOffSampler"
        case .traceIDRatio(let ratio): "TraceIdRatioBased{\(ratio)}"
        case .parentBased(let root): "ParentBased{root:\(root)}"
        }
    }
}
