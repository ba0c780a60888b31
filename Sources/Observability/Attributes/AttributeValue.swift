/// The value of an attribute.
///
/// Implements the OpenTelemetry common specification, "Attribute" and `AnyValue`.
public enum AttributeValue: Hashable, Sendable {
    /// Text.
    case string(String)
    /// True or false.
    case bool(Bool)
    /// A signed 64-bit number.
    case int(Int64)
    /// A floating-point number.
    case double(Double)
    /// Raw bytes.
    case bytes([UInt8])
    /// A list.
    case array([AttributeValue])
    /// Named values.
    case map(Attributes)
    /// No value: in a list or a map, where something has its place and nothing is known.
    case empty
}

extension AttributeValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    /// Creates text.
    public init(stringLiteral value: String) {
        self = .string(value)
    }
}

extension AttributeValue: ExpressibleByBooleanLiteral {
    /// Creates true or false.
    public init(booleanLiteral value: Bool) {
        self = .bool(value)
    }
}

extension AttributeValue: ExpressibleByIntegerLiteral {
    /// Creates a number.
    public init(integerLiteral value: Int64) {
        self = .int(value)
    }
}

extension AttributeValue: ExpressibleByFloatLiteral {
    /// Creates a floating-point number.
    public init(floatLiteral value: Double) {
        self = .double(value)
    }
}

extension AttributeValue {
    /// Creates a number from any integer, clamped to 64 signed bits.
    @_disfavoredOverload
    public static func int(_ value: some BinaryInteger) -> AttributeValue {
        .int(Int64(clamping: value))
    }

    /// Whether no string or byte value in it can be longer than a number of characters. Texts are not counted here: a
    /// short one in bytes is a short one in characters.
    @inline(__always)
    func isWithin(_ limit: Int) -> Bool {
        switch self {
        case .bool, .int, .double, .empty: true
        case .string(let text): text.utf8.count <= limit
        case .bytes(let bytes): bytes.count <= limit
        case .array, .map: false
        }
    }

    /// Lists and maps inside of each other; what is deeper is left empty ("Attribute limits", value depth).
    static let depthLimit = 64

    /// The value with every string cut to a number of characters, and lists and maps that are too deep left empty.
    ///
    /// - Parameters:
    ///   - limit: The most characters: code points, of which what looks like one letter can have any number.
    ///   - depth: How deep the value is; an attribute's own is 1.
    func truncated(to limit: Int, depth: Int = 1) -> AttributeValue {
        switch self {
        case .string(let text): .string(text.limited(to: limit))
        case .bytes(let bytes): .bytes(bytes.count > limit ? Array(bytes.prefix(limit)) : bytes)
        case .array(let values):
            .array(depth > Self.depthLimit ? [] : values.map { $0.truncated(to: limit, depth: depth + 1) })
        case .map(let values):
            .map(depth > Self.depthLimit ? [:] : values.mapValues { $0.truncated(to: limit, depth: depth + 1) })
        case .bool, .int, .double, .empty: self
        }
    }
}

extension String {
    /// The text cut to a number of code points; only long texts are counted.
    func limited(to limit: Int) -> String {
        guard utf8.count > limit, unicodeScalars.count > limit else { return self }
        return String(unicodeScalars.prefix(limit))
    }
}
