/// What JetStream says about a delivery, in the subject on which it expects the acknowledgement (NATS ADR-15).
public struct MessageMetadata: Sendable, Hashable {
    /// The JetStream domain, when the server has one.
    public let domain: String?
    /// The stream.
    public let stream: String
    /// The consumer.
    public let consumer: String
    /// How often the message has been delivered, this time included.
    public let deliveryCount: UInt64
    /// The sequence of the message in the stream.
    public let streamSequence: UInt64
    /// The sequence of the delivery in the consumer.
    public let consumerSequence: UInt64
    /// When the stream stored the message, in nanoseconds since 1970-01-01 00:00 UTC.
    public let timestamp: Int64
    /// How many messages of the consumer were not delivered yet.
    public let pending: UInt64

    /// Parses `$JS.ACK.…`: 9 tokens, or 11 and more with domain and account in front of the stream.
    ///
    /// Returns `nil` when the subject is something else.
    public init?(acknowledgementSubject subject: String) {
        let tokens = subject.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard tokens.count == 9 || tokens.count >= 11, subject.hasPrefix("$JS.ACK.") else { return nil }
        let base = tokens.count == 9 ? 2 : 4
        guard
            let delivered = UInt64(decimal: tokens[base + 2]),
            let streamSequence = UInt64(decimal: tokens[base + 3]),
            let consumerSequence = UInt64(decimal: tokens[base + 4]),
            let timestamp = UInt64(decimal: tokens[base + 5]).flatMap({ Int64(exactly: $0) }),
            let pending = UInt64(decimal: tokens[base + 6])
        else { return nil }
        let domain = base == 4 ? String(Substring(tokens[2])) : "_"
        self.domain = domain == "_" || domain.isEmpty ? nil : domain
        stream = String(Substring(tokens[base]))
        consumer = String(Substring(tokens[base + 1]))
        deliveryCount = delivered
        self.streamSequence = streamSequence
        self.consumerSequence = consumerSequence
        self.timestamp = timestamp
        self.pending = pending
    }
}

extension UInt64 {
    fileprivate init?(decimal digits: Substring.UTF8View) {
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        self = value
    }
}
