/// Hexadecimal text of ids.
enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Writes bytes as lower-case hexadecimal digits.
    static func string(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.underestimatedCount * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Makes an id of `count` lower-case digits from 1 to `count` hexadecimal digits, with zeros in front: Jaeger cuts
    /// leading zeros of ids in some places and accepts ids without them.
    ///
    /// - Returns: `nil` when the text is empty, too long, or has another character.
    static func id(_ text: some StringProtocol, digits count: Int) -> String? {
        let lower = text.utf8.map { (65...70).contains($0) ? $0 + 32 : $0 }
        guard (1...count).contains(lower.count),
            lower.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        return String(decoding: Array(repeating: 48, count: count - lower.count) + lower, as: UTF8.self)
    }

    /// Tells whether an id has only zeros, which W3C Trace Context and OTLP call invalid.
    static func isZero(_ id: String) -> Bool {
        id.utf8.allSatisfy { $0 == 48 }
    }
}
