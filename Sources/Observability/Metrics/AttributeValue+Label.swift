extension AttributeValue {
    /// The value as a label has it: text as it is, everything else as JSON.
    ///
    /// Implements the OpenTelemetry common specification, "AnyValue representation for non-OTLP protocols".
    var labelValue: String {
        switch self {
        case .string(let text): text
        case .bytes(let bytes): Self.base64(bytes)
        case .empty: ""
        case .bool, .int, .double, .array, .map: json
        }
    }

    private var json: String {
        switch self {
        case .string(let text): "\"" + text.unicodeScalars.map(Self.escaped).joined() + "\""
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .double(let value): Self.number(value)
        case .bytes(let bytes): "\"" + Self.base64(bytes) + "\""
        case .array(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
        case .map(let values):
            "{" + values.map { AttributeValue.string($0.key).json + ":" + $0.value.json }.joined(separator: ",") + "}"
        case .empty: "null"
        }
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        return value.description
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"", "\\": return "\\" + String(scalar)
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case "\u{0}"..."\u{1F}":
            let digits = String(scalar.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: return String(scalar)
        }
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.reduce(0) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                let digit = alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)]
                text.append(place <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
