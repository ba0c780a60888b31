/// Keeps secrets and personal data out of log lines.
///
/// A metadata value, also one inside of another, is replaced by `[redacted]` when its key contains one of the words,
/// whatever the case and the separators: the word `apikey` covers `api_key`, `x-api-key` and `APIKey`. That is strict on
/// purpose, so there is a list of keys that are let through.
///
/// Messages and values are text that may hold the same: `password=hunter2`, `"token": "abc"`, `Authorization: Bearer abc` and
/// `Bearer abc` lose what follows, by the same words. With ``masksEmailAddresses``, what looks like an e-mail address keeps
/// its domain only: `***@example.com`. That is a net below the rule that secrets are not logged and people are named by
/// identifier, not a proof: any other notation gets through.
public struct LogRedaction: Hashable, Sendable {
    /// What stands in for a value.
    static let replacement = "[redacted]"

    /// The words that make a key's value a secret, in lower case and without separators.
    public var words: Set<String>
    /// Keys that contain one of the words and are shown nevertheless, exactly as they are written.
    public var allowedKeys: Set<String>
    /// Whether what looks like an e-mail address is masked.
    public var masksEmailAddresses: Bool

    /// Creates a redaction.
    ///
    /// - Parameters:
    ///   - words: The words that make a key's value a secret.
    ///   - allowedKeys: Keys that are shown nevertheless.
    ///   - masksEmailAddresses: Whether what looks like an e-mail address is masked.
    public init(
        words: Set<String> = LogRedaction.defaultWords,
        allowedKeys: Set<String> = [],
        masksEmailAddresses: Bool = true
    ) {
        self.words = words
        self.allowedKeys = allowedKeys
        self.masksEmailAddresses = masksEmailAddresses
    }

    /// The words that are used unless others are given.
    public static let defaultWords: Set<String> = [
        "password", "passwd", "passphrase", "secret", "token", "authorization", "credential", "apikey", "privatekey",
        "cookie", "email",
    ]

    /// Whether the value of a key must not be shown.
    public func isSecret(_ key: String) -> Bool {
        let letters = key.utf8.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
            case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: " "): nil
            default: byte
            }
        }
        return words.contains { Self.contains($0.utf8, in: letters) } && !allowedKeys.contains(key)
    }

    private static func contains(_ word: String.UTF8View, in text: [UInt8]) -> Bool {
        guard let first = word.first, text.count >= word.count else { return false }
        return (0...(text.count - word.count)).contains { start in
            text[start] == first && text[start...].starts(with: word)
        }
    }
}
