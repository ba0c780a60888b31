internal import Contracts
internal import GRPCProtobuf

/// An e-mail address that can be delivered to, as far as its form tells.
///
/// Deliberately loose: one `@`, something on both sides, no white space or control characters, at most 254 bytes
/// (RFC 5321 §4.5.3.1.3). Whether it exists only a delivery can tell. It never appears in telemetry.
struct EmailAddress: Sendable, Equatable {
    let text: String
    let localPart: String

    /// - Throws: INVALID_ARGUMENT that does not repeat the address.
    init(_ text: String) throws {
        try RequestFields.length(text, of: "email", 1...254)
        // Scalars, not characters: a combining mark behind a sign would hide it.
        let parts = text.unicodeScalars.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, String(parts[0]).utf8.count <= 64,
            !text.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0.value < 0x20 || $0.value == 0x7F }),
            !text.unicodeScalars.contains(where: { "<>,;\"".unicodeScalars.contains($0) })
        else { throw RequestError.invalid("email", "must be an address such as name@example.com") }
        self.text = text
        localPart = String(parts[0])
    }
}
