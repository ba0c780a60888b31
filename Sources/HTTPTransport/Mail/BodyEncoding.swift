private import Foundation

/// A text body as seven-bit lines of at most 76 characters (RFC 2045 §6.7, §6.8).
enum BodyEncoding {
    private static let lineLimit = 76

    /// Encodes text with CRLF, CR or LF line ends.
    ///
    /// - Returns: The name for `Content-Transfer-Encoding` and the encoded lines, the last one ended.
    static func encode(_ text: String) -> (name: String, body: String) {
        let special = text.utf8.count { $0 >= 0x80 }
        if special * 3 > text.utf8.count {
            return ("base64", base64(text))
        }
        return ("quoted-printable", quotedPrintable(text))
    }

    private static func base64(_ text: String) -> String {
        let lines = normalizedLines(text).joined(separator: "\r\n")
        let encoded = Array(Data(lines.utf8).base64EncodedString().utf8)
        return stride(from: 0, to: encoded.count, by: lineLimit)
            .map { String(decoding: encoded[$0..<min($0 + lineLimit, encoded.count)], as: UTF8.self) + "\r\n" }
            .joined()
    }

    private static func quotedPrintable(_ text: String) -> String {
        var output: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        var lines = normalizedLines(text)
        // Each line is ended below, also the last.
        if lines.count > 1, lines.last == "" { lines.removeLast() }
        for line in lines {
            var column = 0
            let bytes = Array(line.utf8)
            for (index, byte) in bytes.enumerated() {
                let isLast = index == bytes.count - 1
                let isSpace = byte == 0x20 || byte == 0x09
                // White space at the end of a line would be lost on the way.
                let isPlain = (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "=") || (isSpace && !isLast)
                let width = isPlain ? 1 : 3
                // One column stays free for the soft line end's `=`.
                if column + width > lineLimit - 1 {
                    output += "=\r\n".utf8
                    column = 0
                }
                if isPlain {
                    output.append(byte)
                } else {
                    output += [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
                }
                column += width
            }
            output += "\r\n".utf8
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func normalizedLines(_ text: String) -> [String] {
        text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
}
