/// A mailbox: an address and perhaps the name of who reads it.
public struct MailAddress: Sendable, Hashable {
    /// The address, for instance `ada@example.org`.
    public var address: String
    /// The name for display; may be empty.
    public var name: String

    /// Creates a mailbox. The address is checked when it is used.
    public init(_ address: String, name: String = "") {
        self.address = address
        self.name = name
    }
}

extension MailAddress {
    private static let atomSymbols = Set("!#$%&'*+-/=?^_`{|}~".utf8)

    /// Whether the address is a plain `dot-atom@domain` (RFC 5321 §4.1.2) within its lengths.
    ///
    /// Quoted local parts and internationalised addresses are not: hardly anybody has one, and every character that
    /// could end a header or a command stays out.
    var isValid: Bool {
        let parts = address.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        guard parts.count == 2, address.utf8.count <= 254, (1...64).contains(parts[0].count) else { return false }
        let dot = UInt8(ascii: ".")
        let isAtom = parts[0].split(separator: dot, omittingEmptySubsequences: false).allSatisfy { atom in
            !atom.isEmpty && atom.allSatisfy { Text.isAlphanumeric($0) || Self.atomSymbols.contains($0) }
        }
        let isDomain = parts[1].split(separator: dot, omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count) && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
                && label.allSatisfy { Text.isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
        }
        return isAtom && isDomain
    }

    /// What comes after the `@`.
    var domain: Substring { address.split(separator: "@").last ?? "localhost" }

    /// The mailbox in a header (RFC 5322 §3.4).
    var headerText: String {
        name.isEmpty ? "<\(address)>" : "\(HeaderEncoding.phrase(name)) <\(address)>"
    }
}
