private import Foundation

/// A secret and an e-mail address that exist nowhere else: planted in a test, they must not come out of spans, logs, labels
/// or baggage.
public struct Canary: Sendable {
    /// The secret: a password, a token.
    public let secret: String
    /// A person's address.
    public let emailAddress: String

    /// Creates a canary with texts of its own.
    public init() {
        let mark = UInt64.random(in: .min ... .max)
        secret = "canary-secret-\(mark)"
        emailAddress = "canary-person-\(mark)@example.com"
    }

    /// What of the canary is in some output.
    ///
    /// - Parameter output: What came out.
    /// - Returns: A name for each form that was found: as it is, or in base64.
    public func leaks(in output: some Sequence<UInt8>) -> [String] {
        let text = String(decoding: Array(output), as: UTF8.self)
        let person = emailAddress.prefix { $0 != "@" }
        return [
            ("secret", secret), ("e-mail address", String(person)),
            ("secret in base64", Data(secret.utf8).base64EncodedString()),
        ].filter { text.contains($0.1) }.map(\.0)
    }
}
