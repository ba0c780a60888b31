/// Values that travel with a trace.
///
/// Implements W3C Baggage and the OpenTelemetry baggage API. It is untrusted input: it is bounded when read, one value
/// is kept for each name (the last), and nothing of it becomes a span attribute, a label or a log line by itself.
public struct Baggage: Hashable, Sendable {
    /// The most members of a header.
    static let memberLimit = 64
    /// The most bytes of a header, over all its lines.
    static let byteLimit = 8192

    /// One name with its value and metadata.
    public struct Member: Hashable, Sendable {
        /// The name, a token.
        public let name: String
        /// The decoded value.
        public let value: String
        /// The properties behind the value, kept as they came; may be empty.
        public let metadata: String
    }

    /// The members; `nil` rather than empty, because almost every span carries none and is copied often.
    private var stored: [Member]?

    /// The members in the order in which they came.
    public private(set) var members: [Member] {
        get { stored ?? [] }
        set { stored = newValue.isEmpty ? nil : newValue }
    }

    /// Creates an empty baggage.
    public init() {}

    /// Whether there are no members.
    public var isEmpty: Bool { stored == nil }

    /// The value of a name.
    public subscript(name: String) -> String? {
        members.first { $0.name == name }?.value
    }

    /// Sets a value; a name that is no token is ignored, and so is metadata that cannot stand in a header.
    public mutating func set(_ name: String, to value: String, metadata: String = "") {
        guard Self.isToken(name) else { return }
        members.removeAll { $0.name == name }
        let isSound = metadata.utf8.allSatisfy(Self.isMetadataByte)
        members.append(Member(name: name, value: value, metadata: isSound ? metadata : ""))
    }

    /// Reads header lines. Malformed members and those beyond the limits are left out, the rest is kept.
    ///
    /// - Parameter lines: The values of all `baggage` lines; the limits apply to their sum.
    public init(headerLines lines: [String]) {
        var bytes = 0
        var count = 0
        for line in lines {
            for member in line.split(separator: ",", omittingEmptySubsequences: true) {
                bytes += member.utf8.count + (count > 0 ? 1 : 0)
                count += 1
                // Malformed members count as work too, or they would be a way around the limit.
                guard bytes <= Self.byteLimit, count <= Self.memberLimit else { return }
                read(member)
            }
        }
    }

    private mutating func read(_ text: Substring) {
        let parts = text.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
        guard let pair = parts.first else { return }
        let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard sides.count == 2 else { return }
        let name = String(sides[0].trimmingOWS())
        let value = sides[1].trimmingOWS()
        guard Self.isToken(name), value.utf8.allSatisfy(Self.isValueByte) else { return }
        let metadata = parts.count > 1 ? String(parts[1].trimmingOWS()) : ""
        guard metadata.utf8.allSatisfy(Self.isMetadataByte) else { return }
        set(name, to: PercentEncoding.decode(value), metadata: metadata)
    }

    /// Removes a name.
    public mutating func remove(_ name: String) {
        members.removeAll { $0.name == name }
    }

    /// The header's value, whole members only and within the limits; empty when there is nothing to send.
    public var header: String { header(byteLimit: Self.byteLimit) }

    /// The header's value, shorter than the specification's limit where the carrier has less room.
    ///
    /// - Parameter byteLimit: The most bytes; a member that does not fit is left out as a whole.
    /// - Returns: At most 64 members; empty when there is nothing to send.
    public func header(byteLimit: Int) -> String {
        let limit = min(byteLimit, Self.byteLimit)
        var text = ""
        var count = 0
        for member in members where count < Self.memberLimit {
            var item = member.name + "=" + PercentEncoding.encode(member.value, allowed: Self.isSentByte)
            if !member.metadata.isEmpty { item += ";" + member.metadata }
            let separator = text.isEmpty ? "" : ","
            guard text.utf8.count + separator.utf8.count + item.utf8.count <= limit else { continue }
            text += separator + item
            count += 1
        }
        return text
    }

    private static func isToken(_ name: String) -> Bool {
        let symbols = "!#$%&'*+-.^_`|~".utf8
        return !name.isEmpty
            && name.utf8.allSatisfy { byte in
                byte.isDigit || byte.isLowerAlpha || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || symbols.contains(byte)
            }
    }

    /// What properties consist of: tokens and values, with semicolons and white space between.
    private static func isMetadataByte(_ byte: UInt8) -> Bool {
        isValueByte(byte) || byte == UInt8(ascii: ";") || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// What is sent as it is: `+` is encoded too, because readers of forms, Python's propagator among them, take it for a
    /// space.
    private static func isSentByte(_ byte: UInt8) -> Bool {
        isValueByte(byte) && byte != UInt8(ascii: "+")
    }

    /// `baggage-octet` of the grammar: visible ASCII without quotes, comma, semicolon and backslash.
    private static func isValueByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x21, 0x23...0x2B, 0x2D...0x3A, 0x3C...0x5B, 0x5D...0x7E: true
        default: false
        }
    }
}
