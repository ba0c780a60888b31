/// One element of a header such as `Accept`: a name, parameters and a weight.
///
/// Implements RFC 9110 §5.6.1 (lists), §5.6.6 (parameters) and §12.4.2 (weights). Malformed elements are left out.
struct WeightedElement {
    // These bound what a header can cost.
    private static let byteLimit = 8192
    private static let partLimit = 100

    /// In lower case.
    let name: String
    /// In thousandths.
    let weight: Int
    private let parameters: [(name: String, value: String)]

    /// The value of a parameter, whose name is given in lower case.
    subscript(parameter: String) -> String? {
        parameters.first { $0.name == parameter }?.value
    }

    /// Reads the elements of a header; of an absurdly long one those at its beginning.
    static func list(_ header: String) -> [WeightedElement] {
        split(Array(header.utf8.prefix(byteLimit))[...], at: UInt8(ascii: ","))
            .prefix(partLimit).compactMap(WeightedElement.init)
    }

    private init?(_ text: ArraySlice<UInt8>) {
        let parts = Self.split(text, at: UInt8(ascii: ";"))
        guard let first = parts.first.map(Self.trimmed), !first.isEmpty else { return nil }
        name = Self.text(first).lowercased()
        var weight = 1000
        var parameters: [(name: String, value: String)] = []
        for part in parts.dropFirst().prefix(Self.partLimit) {
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else {
                if Self.trimmed(part).isEmpty { continue }
                return nil
            }
            let key = Self.text(Self.trimmed(part[..<equals])).lowercased()
            let value = Self.unquoted(Self.trimmed(part[(equals + 1)...]))
            if key == "q" {
                guard let parsed = Self.weight(value) else { return nil }
                weight = parsed
            } else {
                parameters.append((key, Self.text(value)))
            }
        }
        self.weight = weight
        self.parameters = parameters
    }

    /// `0`, `1`, or a decimal between them; digits beyond the third count as zeros.
    private static func weight(_ text: ArraySlice<UInt8>) -> Int? {
        guard let first = text.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1") else { return nil }
        var weight = Int(first - UInt8(ascii: "0")) * 1000
        let rest = text.dropFirst()
        guard let point = rest.first else { return weight }
        guard point == UInt8(ascii: "."), rest.dropFirst().allSatisfy(\.isDigit) else { return nil }
        var place = 100
        for digit in rest.dropFirst().prefix(3) {
            weight += Int(digit - UInt8(ascii: "0")) * place
            place /= 10
        }
        return weight <= 1000 ? weight : nil
    }

    /// The parts between separators that are not inside quotes.
    private static func split(_ text: ArraySlice<UInt8>, at separator: UInt8) -> [ArraySlice<UInt8>] {
        var parts: [ArraySlice<UInt8>] = []
        var start = text.startIndex
        var isQuoted = false
        var isEscaped = false
        for (index, byte) in zip(text.indices, text) {
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == separator, !isQuoted {
                parts.append(text[start..<index])
                start = index + 1
            }
        }
        return parts + [text[start...]]
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard let start = text.firstIndex(where: { !isSpace($0) }), let end = text.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return text[start...end]
    }

    private static func unquoted(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let quote = UInt8(ascii: "\"")
        guard text.count >= 2, text.first == quote, text.last == quote else { return text }
        var result: [UInt8] = []
        var isEscaped = false
        for byte in text.dropFirst().dropLast() {
            if byte == UInt8(ascii: "\\"), !isEscaped {
                isEscaped = true
            } else {
                result.append(byte)
                isEscaped = false
            }
        }
        return result[...]
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }
}
