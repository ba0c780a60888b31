extension LogRedaction {
    /// The text without the values of secrets and without the local parts of e-mail addresses, when these are masked.
    func masked(_ text: String) -> String {
        // One look decides for nearly all texts.
        let isSuspect = text.utf8.contains { byte in
            byte == UInt8(ascii: "@") || byte == UInt8(ascii: "=") || byte == UInt8(ascii: ":")
                || byte == UInt8(ascii: "B") || byte == UInt8(ascii: "b")
        }
        guard isSuspect else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "@") where masksEmailAddresses && Self.isDomain(bytes[(index + 1)...]):
                let localPart = result.reversed().prefix(while: Self.isLocalPart).count
                if localPart > 0 {
                    result.removeLast(localPart)
                    result += "***".utf8
                }
            case UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: " "):
                // What was masked before stays as it is.
                if let value = secret(in: bytes, after: index),
                    !bytes[value.lowerBound...].starts(with: Self.replacement.utf8)
                {
                    result += bytes[index..<value.lowerBound]
                    result += Self.replacement.utf8
                    index = value.upperBound
                    continue
                }
            default:
                break
            }
            result.append(byte)
            index += 1
        }
        return result == bytes ? text : String(decoding: result, as: UTF8.self)
    }

    /// The secret behind a separator, if what stands before it announces one.
    private func secret(in bytes: [UInt8], after separator: Int) -> Range<Int>? {
        switch bytes[separator] {
        case UInt8(ascii: " "): credentials(in: bytes, after: separator)
        case UInt8(ascii: ":") where bytes[separator...].starts(with: "://".utf8): userInfo(in: bytes, after: separator)
        default: assigned(in: bytes, after: separator)
        }
    }

    /// What follows the scheme of an Authorization header, wherever it stands: `Bearer abc`.
    private func credentials(in bytes: [UInt8], after separator: Int) -> Range<Int>? {
        let isScheme = ["bearer", "basic"].contains { scheme in
            let start = separator - scheme.utf8.count
            guard start >= 0, start == 0 || !Self.isKeyByte(bytes[start - 1]) else { return false }
            return zip(bytes[start...], scheme.utf8).allSatisfy { $0 | 0x20 == $1 }
        }
        guard isScheme, isSecret("authorization") else { return nil }
        let value = Self.word(in: bytes, from: separator + 1)
        // Prose goes on with a short word.
        return value.count >= 8 ? value : nil
    }

    /// User and password of a URL.
    private func userInfo(in bytes: [UInt8], after separator: Int) -> Range<Int>? {
        let start = separator + 3
        let authority = bytes[start...].prefix { $0 > 0x20 && !"/?#\"',;".utf8.contains($0) }
        guard let end = authority.lastIndex(of: UInt8(ascii: "@")), isSecret("password") else { return nil }
        return start..<end
    }

    /// The value of a key: `password=hunter2`, `"token": "abc"`, `Cookie: a=b`.
    private func assigned(in bytes: [UInt8], after separator: Int) -> Range<Int>? {
        var keyEnd = separator
        let isQuoted = keyEnd > 0 && Self.isQuote(bytes[keyEnd - 1])
        if isQuoted { keyEnd -= 1 }
        let keyStart = bytes[..<keyEnd].lastIndex { !Self.isKeyByte($0) }.map { $0 + 1 } ?? 0
        guard keyStart < keyEnd else { return nil }
        let key = String(decoding: bytes[keyStart..<keyEnd], as: UTF8.self)
        guard isSecret(key) else { return nil }
        var start = separator + 1
        while start < bytes.count, bytes[start] == UInt8(ascii: " ") { start += 1 }
        guard start < bytes.count else { return nil }
        if Self.isQuote(bytes[start]) {
            return (start + 1)..<Self.closingQuote(in: bytes, openedAt: start)
        }
        if bytes[separator] == UInt8(ascii: "=") {
            // A blank behind the sign is prose.
            return start == separator + 1 ? Self.word(in: bytes, from: start) : nil
        }
        // Behind a colon only a header's whole line: `invalid token: expired` is no secret.
        guard ["authorization", "proxy-authorization", "cookie", "set-cookie"].contains(key.lowercased()) else {
            return nil
        }
        let end = bytes[start...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
        return start..<(end ?? bytes.count)
    }

    private static func word(in bytes: [UInt8], from start: Int) -> Range<Int> {
        let end = bytes[start...].firstIndex { $0 <= 0x20 || " ,;&)]}\"'".utf8.contains($0) }
        return start..<(end ?? bytes.count)
    }

    /// Where a quoted text ends: at the same quote without a backslash before it, or with the text.
    private static func closingQuote(in bytes: [UInt8], openedAt start: Int) -> Int {
        var index = start + 1
        while index < bytes.count, bytes[index] != bytes[start] {
            index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index, bytes.count)
    }

    private static func isQuote(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") }

    private static func isKeyByte(_ byte: UInt8) -> Bool {
        byte.isLetterOrDigit || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    /// Whether the text begins with two names or more, separated by dots.
    private static func isDomain(_ text: ArraySlice<UInt8>) -> Bool {
        let name = text.prefix { $0.isLetterOrDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
        guard let first = name.first, first != UInt8(ascii: "."), let dot = name.firstIndex(of: UInt8(ascii: "."))
        else {
            return false
        }
        return name[(dot + 1)...].first?.isLetterOrDigit == true
    }

    /// Also what is not ASCII, since addresses may be international.
    private static func isLocalPart(_ byte: UInt8) -> Bool {
        byte.isLetterOrDigit || byte >= 0x80 || ".!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
    }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
    }
}
