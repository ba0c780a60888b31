internal import FoundationEssentials

/// The value of an attribute of a span, an event, a link or a resource (OTLP `AnyValue`).
public enum AttributeValue: Sendable, Hashable {
    /// A text.
    case string(String)
    /// A truth value.
    case bool(Bool)
    /// A signed 64-bit number.
    case int(Int64)
    /// A floating-point number; may be NaN or infinite.
    case double(Double)
    /// A list of values.
    case array([AttributeValue])
    /// Values by key.
    case map([String: AttributeValue])
    /// Raw bytes.
    case bytes([UInt8])
    /// A value without content, which OTLP allows.
    case empty

    /// The text, when the value is a text.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The number, when the value is an integer.
    public var intValue: Int64? {
        if case .int(let value) = self { value } else { nil }
    }
}

extension AttributeValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    /// Creates a text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Creates a number.
    public init(integerLiteral value: Int64) { self = .int(value) }
    /// Creates a truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension AttributeValue: CustomStringConvertible {
    /// The value as a person writes it: texts without quotes, lists in brackets, bytes in hexadecimal.
    public var description: String {
        switch self {
        case .string(let value): value
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .double(let value): String(value)
        case .array(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
        case .map(let values):
            "{" + values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "}"
        case .bytes(let value): Hex.string(value)
        case .empty: ""
        }
    }
}

extension AttributeValue: Encodable {
    /// Writes the natural JSON value: bytes as base64 text, a number that JSON does not have as text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .string(let value): try container.encode(value)
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .double(let value) where value.isFinite: try container.encode(value)
        case .double(let value): try container.encode(String(value))
        case .array(let values): try container.encode(values)
        case .map(let values): try container.encode(values)
        case .bytes(let value): try container.encode(Data(value).base64EncodedString())
        case .empty: try container.encodeNil()
        }
    }
}
