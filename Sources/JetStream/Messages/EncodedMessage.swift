/// A message in the form in which it is sent: validated, its headers one block of bytes (NATS ADR-4).
///
/// Encode once what may be sent more than once.
public struct EncodedMessage: Sendable {
    /// The subject.
    public let subject: String
    /// The header block, when there is one, and the payload.
    let bytes: [UInt8]
    /// Where the payload begins.
    let headerLength: Int

    /// Encodes a message.
    ///
    /// - Parameters:
    ///   - messageID: The `Nats-Msg-Id`, by which a stream recognises a repetition inside its duplicate window.
    ///   - expectedStream: The stream that must own the subject; another one refuses the message.
    /// - Throws: `NATSError` with `.invalidArgument` for a subject or header that the protocol cannot carry.
    public init(
        subject: String,
        headers: NATSHeaders = [:],
        payload: [UInt8],
        messageID: String? = nil,
        expectedStream: String? = nil
    ) throws(NATSError) {
        var extra: [NATSHeaders.Field] = []
        if let messageID { extra.append(NATSHeaders.Field(name: "Nats-Msg-Id", value: messageID)) }
        if let expectedStream { extra.append(NATSHeaders.Field(name: "Nats-Expected-Stream", value: expectedStream)) }
        try self.init(subject: subject, headers: headers, adding: extra, payload: payload)
    }

    /// Encodes a message with fields that take the place of those of the same name in `headers`.
    init(
        subject: String,
        headers: NATSHeaders,
        adding extra: [NATSHeaders.Field],
        payload: [UInt8]
    ) throws(NATSError) {
        try Subjects.validate(subject)
        self.subject = subject
        if headers.isEmpty, extra.isEmpty {
            bytes = payload
            headerLength = 0
            return
        }
        var size = 14 + payload.count
        for field in headers.fields { size += field.encodedSize }
        for field in extra { size += field.encodedSize }
        var block: [UInt8] = []
        block.reserveCapacity(size)
        block += "NATS/1.0\r\n".utf8
        for field in headers.fields where !extra.contains(where: { $0.name.equalsIgnoringCase(field.name) }) {
            try Self.append(field, to: &block)
        }
        for field in extra { try Self.append(field, to: &block) }
        block += "\r\n".utf8
        headerLength = block.count
        block += payload
        bytes = block
    }

    /// The message as values.
    var decoded: NATSMessage {
        let headers = bytes[..<headerLength].withUnsafeBytes { NATSHeaders(block: $0) }
        return NATSMessage(subject: subject, headers: headers, payload: Array(bytes[headerLength...]))
    }

    /// The bytes on the wire that count against the server's `max_payload`.
    var size: Int { bytes.count }

    /// Refuses a message that the server would refuse.
    func validate(maximumPayload: Int) throws(NATSError) {
        guard size <= maximumPayload else {
            throw NATSError(
                .payloadTooLarge,
                "a message of \(size) bytes for '\(subject)' is larger than the server's max_payload of \(maximumPayload)"
            )
        }
    }

    /// Appends one line, and refuses what would break it or forge another one.
    private static func append(_ field: NATSHeaders.Field, to block: inout [UInt8]) throws(NATSError) {
        let start = block.count
        block += field.name.utf8
        guard block.count > start, block[start...].allSatisfy({ (33...126).contains($0) && $0 != UInt8(ascii: ":") })
        else {
            throw NATSError(
                .invalidArgument,
                "'\(field.name)' is not a header name: it must be printable ASCII without spaces or ':'"
            )
        }
        block += ": ".utf8
        let value = block.count
        block += field.value.utf8
        guard block[value...].allSatisfy({ $0 != 0x0D && $0 != 0x0A && $0 != 0 }) else {
            throw NATSError(
                .invalidArgument,
                "the value of header '\(field.name)' has a line break or NUL; encode it before publishing"
            )
        }
        block += "\r\n".utf8
    }
}

extension NATSHeaders.Field {
    /// The bytes of the line, `name: value` and its end.
    fileprivate var encodedSize: Int { name.utf8.count + value.utf8.count + 4 }
}

extension EncodedMessage: CustomStringConvertible {
    /// The subject and the size; never a header or the payload.
    public var description: String { "EncodedMessage(\(subject), \(bytes.count) bytes)" }
}
