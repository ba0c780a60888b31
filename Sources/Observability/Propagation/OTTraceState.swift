/// The `ot` member of `tracestate`: OpenTelemetry's sampling threshold and randomness, beside sub-keys of others.
///
/// Implements the OpenTelemetry "tracestate handling" and "tracestate probability sampling" specifications. A pure value:
/// samplers read it from the parent's state, change the threshold, and write it back.
public struct OTTraceState: Hashable, Sendable {
    /// The member's key.
    public static let key = "ot"
    /// The most characters of the member's value.
    static let valueLimit = 256
    /// Thresholds and randomness have this many bits.
    static let bits = 56

    /// The rejection threshold, `th`, in 56 bits: the trace was sampled because its randomness is not below it.
    ///
    /// 0 keeps everything; `nil` when the sampling probability is not known. Bits above the 56th are ignored.
    public var threshold: UInt64? {
        didSet { if let threshold { self.threshold = threshold & Self.mask } }
    }
    /// The explicit randomness, `rv`, in 56 bits; it stands for the trace identifier's own. Nobody may change it.
    public let randomness: UInt64?

    private static let mask: UInt64 = 1 << UInt64(bits) - 1
    /// The sub-keys of others, `rv` of a form that nobody knows included, in the order in which they came.
    private let others: [Substring]

    /// Creates a member that has nothing but what is given.
    ///
    /// - Parameters:
    ///   - threshold: The rejection threshold.
    ///   - randomness: The explicit randomness, for who starts a trace whose identifier is not random.
    public init(threshold: UInt64? = nil, randomness: UInt64? = nil) {
        self.threshold = threshold.map { $0 & Self.mask }
        self.randomness = randomness.map { $0 & Self.mask }
        others = []
    }

    /// Reads the member of a state. A missing or malformed one is empty.
    public init(_ state: TraceState) {
        self = state[Self.key].flatMap { OTTraceState(value: $0) } ?? OTTraceState()
    }

    /// Reads a member's value: `key:value` pairs with semicolons between.
    ///
    /// - Parameter value: The value. A threshold that is not 1 to 14 lower-case hex digits is as if it were absent.
    /// - Returns: `nil` when it is longer than 256 characters or a pair is malformed or a sub-key is there twice.
    public init?(value: some StringProtocol) {
        guard value.utf8.count <= Self.valueLimit else { return nil }
        var threshold: UInt64?
        var randomness: UInt64?
        var others: [Substring] = []
        var seen: Set<Substring> = []
        for pair in String(value).split(separator: ";", omittingEmptySubsequences: false) {
            let sides = pair.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, Self.isKey(sides[0]), Self.isValue(sides[1]), seen.insert(sides[0]).inserted else {
                return nil
            }
            switch sides[0] {
            case "th":
                threshold = Self.number(sides[1], digits: 1...14)
            case "rv":
                randomness = Self.number(sides[1], digits: 14...14)
                if randomness == nil { others.append(pair) }
            default:
                others.append(pair)
            }
        }
        self.threshold = threshold
        self.randomness = randomness
        self.others = others
    }

    /// The member's value: `th`, `rv`, then the sub-keys of others as far as 256 characters reach; may be empty.
    public var value: String {
        var pairs: [String] = []
        if let threshold { pairs.append("th:" + Self.thresholdText(threshold)) }
        if let randomness { pairs.append("rv:" + randomness.lowerHex.suffix(14)) }
        var text = pairs.joined(separator: ";")
        for pair in others {
            let separator = text.isEmpty ? "" : ";"
            guard text.utf8.count + separator.utf8.count + pair.utf8.count <= Self.valueLimit else { continue }
            text += separator + pair
        }
        return text
    }

    /// A state with this member at its far left, or without one when it is empty.
    public func applied(to state: TraceState) -> TraceState {
        let value = value
        if value.isEmpty, state[Self.key] == nil { return state }
        return state.setting(value.isEmpty ? nil : value, for: Self.key)
    }

    /// Writes a threshold: 14 digits without the zeros at their end, at least one.
    static func thresholdText(_ threshold: UInt64) -> String {
        var text = threshold.lowerHex.suffix(14)
        while text.utf8.count > 1, text.last == "0" { text.removeLast() }
        return String(text)
    }

    /// Reads digits that stand for the first of 14.
    private static func number(_ text: Substring, digits: ClosedRange<Int>) -> UInt64? {
        guard digits.contains(text.utf8.count), let value = UInt64(lowerHex: text.utf8) else { return nil }
        return value << UInt64(4 * (14 - text.utf8.count))
    }

    private static func isKey(_ key: Substring) -> Bool {
        guard let first = key.utf8.first, first.isLowerAlpha else { return false }
        return key.utf8.allSatisfy { $0.isLowerAlpha || $0.isDigit }
    }

    private static func isValue(_ value: Substring) -> Bool {
        value.utf8.allSatisfy { byte in
            (byte | 0x20).isLowerAlpha || byte.isDigit || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-")
        }
    }
}
