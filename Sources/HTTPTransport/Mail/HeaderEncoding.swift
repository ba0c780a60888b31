private import Foundation

/// Text in mail headers (RFC 5322 §2.2, RFC 2047).
enum HeaderEncoding {
    /// Bytes of text per encoded word: 45 become 60 in Base64, 72 with `=?UTF-8?B?` and `?=`, of the 75 allowed.
    private static let wordLimit = 45

    /// Unstructured text, for instance a subject.
    static func text(_ text: String) -> String {
        let clean = withoutControls(text)
        return isPlain(clean) ? clean : encodedWords(clean)
    }

    /// A display name.
    static func phrase(_ text: String) -> String {
        let clean = withoutControls(text)
        guard isPlain(clean) else { return encodedWords(clean) }
        let escaped = clean.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(escaped)\""
    }

    /// Line ends and other control characters become spaces: a header stays one header, whatever a customer is called.
    private static func withoutControls(_ text: String) -> String {
        var clean = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: clean.append(" ")
            default: clean.append(scalar)
            }
        }
        return String(clean)
    }

    /// Whether the text can stand as it is: ASCII, short enough for its line, not taken for an encoded word.
    private static func isPlain(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 < 0x80 } && text.utf8.count <= 60 && !text.contains("=?")
    }

    /// Encoded words with a folded line end between them; none of them splits a character.
    private static func encodedWords(_ text: String) -> String {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        for scalar in text.unicodeScalars {
            let bytes = Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            if word.count + bytes.count > wordLimit {
                words.append(word)
                word = []
            }
            word += bytes
        }
        words.append(word)
        return words.map { "=?UTF-8?B?\(Data($0).base64EncodedString())?=" }.joined(separator: "\r\n ")
    }
}
