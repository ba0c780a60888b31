/// One message.
public struct NATSMessage: Sendable, Hashable {
    /// The subject that it is published to.
    public var subject: String
    /// The subject on which the sender expects an answer.
    public var reply: String?
    /// The headers.
    public var headers: NATSHeaders
    /// The payload.
    public var payload: [UInt8]

    /// Creates a message; subject and headers are validated when it is published.
    public init(subject: String, reply: String? = nil, headers: NATSHeaders = [:], payload: [UInt8] = []) {
        self.subject = subject
        self.reply = reply
        self.headers = headers
        self.payload = payload
    }
}

extension NATSMessage: CustomStringConvertible {
    /// The subject, the header names and the size; never the payload.
    public var description: String {
        "NATSMessage(\(subject), \(headers), \(payload.count) bytes)"
    }
}
