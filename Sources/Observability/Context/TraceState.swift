/// The members that vendors attached to a trace, as one `tracestate` header value.
///
/// The text is validated when it is read and kept as it came, because members of others must survive unchanged and in
/// order. Implements W3C Trace Context Level 2, "tracestate".
public struct TraceState: Hashable, Sendable {
    /// The most members that a header may have.
    static let memberLimit = 32

    /// A reference, because almost every span context carries an empty state: then there is nothing to copy.
    private let text: Text?

    private final class Text: Sendable {
        let header: String

        init(_ header: String) {
            self.header = header
        }
    }

    /// Creates an empty state.
    public init() {
        text = nil
    }

    /// The header's value; empty when there are no members.
    public var header: String { text?.header ?? "" }

    /// Reads header lines, joined in order.
    ///
    /// - Parameter lines: The values of all `tracestate` lines.
    /// - Returns: `nil` when any member is malformed or there are more than 32: then the whole header is dropped.
    public init?(headerLines lines: [String]) {
        var members: [Substring] = []
        for line in lines {
            for member in line.split(separator: ",", omittingEmptySubsequences: true) {
                // Leading spaces belong to the list's optional white space, trailing ones too.
                let trimmed = member.trimmingOWS()
                if trimmed.isEmpty { continue }
                guard Self.isMember(trimmed) else { return nil }
                members.append(trimmed)
            }
        }
        guard members.count <= Self.memberLimit else { return nil }
        text = members.isEmpty ? nil : Text(members.joined(separator: ","))
    }

    /// Whether there are no members.
    public var isEmpty: Bool { text == nil }

    /// Compares the headers.
    public static func == (left: TraceState, right: TraceState) -> Bool {
        left.text === right.text || left.header == right.header
    }

    /// Hashes the header.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(header)
    }

    private static func isMember(_ text: Substring) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return false }
        return isKey(parts[0]) && isValue(parts[1])
    }

    private static func isKey(_ key: Substring.UTF8View) -> Bool {
        guard let first = key.first, key.count <= 256 else { return false }
        guard first.isLowerAlpha || first.isDigit else { return false }
        return key.allSatisfy { byte in
            byte.isLowerAlpha || byte.isDigit || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: "*") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "@")
        }
    }

    private static func isValue(_ value: Substring.UTF8View) -> Bool {
        guard (1...256).contains(value.count), value.last != UInt8(ascii: " ") else { return false }
        return value.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
    }
}

extension UInt8 {
    var isLowerAlpha: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) }
    var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}

extension StringProtocol {
    /// The text without the optional white space (space and tab) of HTTP around it.
    func trimmingOWS() -> SubSequence {
        let isOWS: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        guard let start = firstIndex(where: { !isOWS($0) }), let end = lastIndex(where: { !isOWS($0) }) else {
            return self[endIndex...]
        }
        return self[start...end]
    }
}
