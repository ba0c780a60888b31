/// JetStream's word that a message is stored.
public struct PublishAcknowledgement: Sendable, Hashable {
    /// The stream that holds the message.
    public let stream: String
    /// The sequence of the message in the stream; for a duplicate, that of the first one.
    public let sequence: UInt64
    /// Whether the stream already had a message with this `Nats-Msg-Id` inside its duplicate window.
    public let isDuplicate: Bool

    /// Creates an acknowledgement.
    public init(stream: String, sequence: UInt64, isDuplicate: Bool = false) {
        self.stream = stream
        self.sequence = sequence
        self.isDuplicate = isDuplicate
    }
}

extension PublishAcknowledgement: Decodable {
    private enum CodingKeys: String, CodingKey {
        case stream
        case sequence = "seq"
        case isDuplicate = "duplicate"
    }

    /// Decodes the JSON that JetStream answers with.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        stream = try container.decode(String.self, forKey: .stream)
        sequence = try container.decode(UInt64.self, forKey: .sequence)
        isDuplicate = try container.decodeIfPresent(Bool.self, forKey: .isDuplicate) ?? false
    }

    /// Reads the exact form `{"stream":"NAME", "seq":N}` in which the server writes nearly every acknowledgement;
    /// returns `nil` for any other, which the JSON decoder reads at some twenty times the cost.
    init?(commonForm bytes: UnsafeRawBufferPointer) {
        let start = #"{"stream":""#.utf8
        let middle = #"seq":"#.utf8
        guard bytes.starts(with: start) else { return nil }
        let nameEnd = bytes[start.count...].firstIndex { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
        guard let nameEnd, bytes[nameEnd] == UInt8(ascii: "\"") else { return nil }
        var cursor = nameEnd + 1
        while cursor < bytes.count, " ,\"".utf8.contains(bytes[cursor]) { cursor += 1 }
        guard bytes[cursor...].starts(with: middle) else { return nil }
        cursor += middle.count
        var value: UInt64 = 0
        var digits = 0
        while cursor < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[cursor]), digits < 19 {
            value = value * 10 + UInt64(bytes[cursor] - UInt8(ascii: "0"))
            cursor += 1
            digits += 1
        }
        guard digits > 0, cursor == bytes.count - 1, bytes[cursor] == UInt8(ascii: "}") else { return nil }
        self.init(stream: String(decoding: bytes[start.count..<nameEnd], as: UTF8.self), sequence: value)
    }

    /// Reads the answer to a publish: an acknowledgement, or the reason why there is none.
    init(reading bytes: UnsafeRawBufferPointer, to subject: String) throws {
        if let acknowledgement = PublishAcknowledgement(commonForm: bytes) {
            self = acknowledgement
            return
        }
        let action = "publish to '\(subject)'"
        let payload = Array(bytes)
        if let error = try JetStreamContext.decode(APIErrorEnvelope.self, from: payload, action).error {
            throw error.error(action)
        }
        self = try JetStreamContext.decode(PublishAcknowledgement.self, from: payload, action)
    }
}
