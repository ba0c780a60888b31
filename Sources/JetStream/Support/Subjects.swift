/// Rules for subjects and names; a name that breaks them could forge protocol lines or address another stream.
enum Subjects {
    /// Refuses a subject that the protocol cannot carry, or that has a wildcard where a message is published.
    static func validate(_ subject: String, allowsWildcards: Bool = false) throws(NATSError) {
        var previous = UInt8(ascii: ".")
        for byte in subject.utf8 {
            let isEmptyToken = byte == UInt8(ascii: ".") && previous == UInt8(ascii: ".")
            let isWildcard = byte == UInt8(ascii: "*") || byte == UInt8(ascii: ">")
            guard byte > 0x20, byte != 0x7F, !isEmptyToken, allowsWildcards || !isWildcard else {
                throw invalid(subject)
            }
            previous = byte
        }
        guard previous != UInt8(ascii: ".") else { throw invalid(subject) }
    }

    /// Refuses a stream or consumer name that is not one subject token.
    static func validate(name: String, of kind: String) throws(NATSError) {
        let forbidden = ".*>/\\".utf8
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && !forbidden.contains($0) }) else {
            throw NATSError(
                .invalidArgument,
                "'\(name)' is not a \(kind) name: it must be printable and free of spaces . * > / and \\"
            )
        }
    }

    /// Whether a pattern, which may have wildcards, covers a subject, which has none.
    static func matches(_ pattern: String, _ subject: String) -> Bool {
        covers(pattern.tokens, subject.tokens)
    }

    /// Whether there is a subject that both patterns match.
    static func overlap(_ one: String, _ other: String) -> Bool {
        let (one, other) = (one.tokens, other.tokens)
        for (left, right) in zip(one, other) {
            if left == ">" || right == ">" { return true }
            if left != right, left != "*", right != "*" { return false }
        }
        return one.count == other.count
    }

    private static func covers(_ pattern: [Substring], _ subject: [Substring]) -> Bool {
        for (index, token) in pattern.enumerated() {
            if token == ">" { return index < subject.count }
            guard index < subject.count, token == "*" || token == subject[index] else { return false }
        }
        return pattern.count == subject.count
    }

    private static func invalid(_ subject: String) -> NATSError {
        NATSError(
            .invalidArgument,
            "'\(subject)' is not a subject for a message: it must have no spaces, empty tokens or wildcards"
        )
    }

    /// A random token of 22 base-62 characters (131 bits); libnats 3.4's own generator is not safe between threads.
    static func randomToken() -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var generator = SystemRandomNumberGenerator()
        return String(
            decoding: (0..<22).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] },
            as: UTF8.self
        )
    }
}

extension String {
    fileprivate var tokens: [Substring] { split(separator: ".", omittingEmptySubsequences: false) }
}
