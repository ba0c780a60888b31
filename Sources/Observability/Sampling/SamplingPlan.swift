/// A ``Sampler`` made ready for the hot path: one rule for each situation of the parent.
struct SamplingPlan: Sendable {
    /// What one span's sampling comes to.
    enum Rule: Sendable, Hashable {
        case on
        case off
        /// Traces whose randomness is not below this threshold are recorded.
        case threshold(UInt64)

        @inline(__always)
        var isThreshold: Bool {
            if case .threshold = self { true } else { false }
        }

        /// Decides about a span that has a parent with a state, which may bring its own randomness and threshold.
        ///
        /// - Returns: The decision, and the state with a threshold only where it is the decision's.
        @inline(never)
        func sample(_ traceID: TraceID, inheriting state: TraceState) -> (isSampled: Bool, state: TraceState) {
            let inherited = OTTraceState(state)
            var own = inherited
            let randomness = inherited.randomness ?? traceID.low & SamplingThreshold.mask
            let isSampled: Bool
            switch self {
            case .on, .off:
                isSampled = self == .on
                if let threshold = inherited.threshold, isSampled != (randomness >= threshold) { own.threshold = nil }
            case .threshold(let value):
                isSampled = randomness >= value
                own.threshold = isSampled ? value : nil
            }
            return (isSampled, own == inherited ? state : own.applied(to: state))
        }

        @inline(__always)
        func includes(_ traceID: TraceID) -> Bool {
            switch self {
            case .on: true
            case .off: false
            case .threshold(let value): SamplingThreshold(value: value).includes(traceID)
            }
        }
    }

    let root: Rule
    /// The state of a trace that begins here and is recorded by a threshold.
    let rootState: TraceState
    private let remoteSampled: Rule
    private let remoteNotSampled: Rule
    private let localSampled: Rule
    private let localNotSampled: Rule

    init(_ sampler: Sampler) {
        guard case .parentBased(let root, let remoteYes, let remoteNo, let localYes, let localNo) = sampler else {
            let rule = Self.rule(sampler) { $0 }
            self.root = rule
            rootState = Self.state(rule)
            (remoteSampled, remoteNotSampled, localSampled, localNotSampled) = (rule, rule, rule, rule)
            return
        }
        // A parent-based sampler inside another one sees the same parent.
        self.root = Self.rule(root) { if case .parentBased(let inner, _, _, _, _) = $0 { inner } else { $0 } }
        rootState = Self.state(self.root)
        remoteSampled = Self.rule(remoteYes) { if case .parentBased(_, let inner, _, _, _) = $0 { inner } else { $0 } }
        remoteNotSampled = Self.rule(remoteNo) {
            if case .parentBased(_, _, let inner, _, _) = $0 { inner } else { $0 }
        }
        localSampled = Self.rule(localYes) { if case .parentBased(_, _, _, let inner, _) = $0 { inner } else { $0 } }
        localNotSampled = Self.rule(localNo) { if case .parentBased(_, _, _, _, let inner) = $0 { inner } else { $0 } }
    }

    private static func state(_ rule: Rule) -> TraceState {
        guard case .threshold(let value) = rule else { return TraceState() }
        return OTTraceState(threshold: value).applied(to: TraceState())
    }

    private static func rule(_ sampler: Sampler, in situation: (Sampler) -> Sampler) -> Rule {
        switch sampler {
        case .alwaysOn: .on
        case .alwaysOff: .off
        case .traceIDRatio(let ratio):
            SamplingThreshold(ratio).map { .threshold($0.value) } ?? (ratio < 1 ? .off : .on)
        case .parentBased: rule(situation(sampler), in: situation)
        }
    }

    /// The rule for a span that has a parent.
    @inline(__always)
    func rule(parentIsRemote: Bool, parentIsSampled: Bool) -> Rule {
        if parentIsRemote { return parentIsSampled ? remoteSampled : remoteNotSampled }
        return parentIsSampled ? localSampled : localNotSampled
    }
}

/// The lowest randomness that is recorded, of 56 bits.
///
/// Implements the OpenTelemetry specification, "Probability sampling using tracestate": four significant digits, and
/// those that are all `f` at the front do not count.
struct SamplingThreshold: Sendable, Hashable {
    /// The bits of a trace id that are its randomness.
    static let mask: UInt64 = 0x00FF_FFFF_FFFF_FFFF

    /// Out of 2⁵⁶; what is not below it is recorded.
    let value: UInt64

    /// - Parameter ratio: The share that is recorded. No threshold is needed for all, nor for less than one trace of
    ///   all that can be told apart.
    init?(_ ratio: Double) {
        guard ratio < 1, ratio >= 0x1p-56 else { return nil }
        let exact = UInt64(((1 - ratio) * 0x1p56).rounded())
        let digits = 14
        var leading = 0
        while leading < digits, (exact >> UInt64(4 * (digits - 1 - leading))) & 0xF == 0xF { leading += 1 }
        let kept = min(digits, leading + 4)
        let dropped = UInt64(4 * (digits - kept))
        let half: UInt64 = dropped == 0 ? 0 : 1 << (dropped - 1)
        let rounded = ((exact + half) >> dropped) << dropped
        // Rounding up to everything would record nothing.
        value = rounded >= 1 << 56 ? exact : rounded
    }

    /// A threshold that somebody else chose.
    init(value: UInt64) {
        self.value = value
    }

    /// Whether a trace is recorded, by the low 56 bits of its id.
    @inline(__always)
    func includes(_ traceID: TraceID) -> Bool {
        traceID.low & Self.mask >= value
    }
}

extension TraceState {
    /// The state of a span that is recorded although its randomness says otherwise.
    var withoutThreshold: TraceState {
        var own = OTTraceState(self)
        guard own.threshold != nil else { return self }
        own.threshold = nil
        return own.applied(to: self)
    }
}
