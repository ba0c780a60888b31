/// A string of JSON with the escapes that it was written with.
struct JSONString: Hashable, Sendable {
    /// What stands between the quotation marks.
    private let escaped: String

    /// Takes what stands between the quotation marks; the reader has checked it.
    init(escaped: String) {
        self.escaped = escaped
    }

    /// Creates a string from its text.
    init(_ text: String) {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": escaped += "\\\""
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\r": escaped += "\\r"
            case "\t": escaped += "\\t"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        self.escaped = escaped
    }

    /// The text that is meant. Halves of a surrogate pair that stand alone become U+FFFD.
    var text: String {
        guard escaped.utf8.contains(UInt8(ascii: "\\")) else { return escaped }
        var units: [UInt16] = []
        var rest = escaped.utf16[...]
        while let unit = rest.popFirst() {
            guard unit == 0x5C, let kind = rest.popFirst() else {
                units.append(unit)
                continue
            }
            switch UInt8(truncatingIfNeeded: kind) {
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "u"):
                units.append(UInt16(String(decoding: rest.prefix(4), as: UTF16.self), radix: 16) ?? 0xFFFD)
                rest = rest.dropFirst(4)
            default: units.append(kind)
            }
        }
        return String(decoding: units, as: UTF16.self)
    }

    func write(to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        output += escaped.utf8
        output.append(UInt8(ascii: "\""))
    }
}
