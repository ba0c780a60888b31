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
        var subject = subject
        guard let metadata = subject.withUTF8({ MessageMetadata(bytes: $0) }) else { return nil }
        self = metadata
    }

    /// Parses the bytes of the subject.
    init?(bytes: UnsafeBufferPointer<UInt8>) {
        let start = "$JS.ACK.".utf8
        guard bytes.starts(with: start) else { return nil }
        // Where each token begins; a token more than the longest form has is enough to know.
        let bounds = withUnsafeTemporaryAllocation(of: Int.self, capacity: 16) { dots -> Bounds? in
            var count = 0
            for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: ".") {
                if count < dots.count { dots.initializeElement(at: count, to: index) }
                count += 1
            }
            guard count == 8 || count >= 10 else { return nil }
            let base = count == 8 ? 1 : 3
            let end = base + 7 < min(count, dots.count) ? dots[base + 7] : bytes.count
            return Bounds(
                domain: base == 3 ? dots[1] + 1..<dots[2] : 0..<0,
                stream: dots[base] + 1..<dots[base + 1],
                consumer: dots[base + 1] + 1..<dots[base + 2],
                delivered: dots[base + 2] + 1..<dots[base + 3],
                streamSequence: dots[base + 3] + 1..<dots[base + 4],
                consumerSequence: dots[base + 4] + 1..<dots[base + 5],
                timestamp: dots[base + 5] + 1..<dots[base + 6],
                pending: dots[base + 6] + 1..<end
            )
        }
        guard
            let bounds,
            let delivered = UInt64(decimal: bytes[bounds.delivered]),
            let streamSequence = UInt64(decimal: bytes[bounds.streamSequence]),
            let consumerSequence = UInt64(decimal: bytes[bounds.consumerSequence]),
            let timestamp = UInt64(decimal: bytes[bounds.timestamp]).flatMap({ Int64(exactly: $0) }),
            let pending = UInt64(decimal: bytes[bounds.pending])
        else { return nil }
        let domain = String(decoding: bytes[bounds.domain], as: UTF8.self)
        self.domain = domain == "_" || domain.isEmpty ? nil : domain
        stream = String(decoding: bytes[bounds.stream], as: UTF8.self)
        consumer = String(decoding: bytes[bounds.consumer], as: UTF8.self)
        deliveryCount = delivered
        self.streamSequence = streamSequence
        self.consumerSequence = consumerSequence
        self.timestamp = timestamp
        self.pending = pending
    }

    /// Creates what a broker in memory says.
    init(
        stream: String,
        consumer: String,
        deliveryCount: UInt64,
        streamSequence: UInt64,
        consumerSequence: UInt64,
        timestamp: Int64,
        pending: UInt64
    ) {
        domain = nil
        self.stream = stream
        self.consumer = consumer
        self.deliveryCount = deliveryCount
        self.streamSequence = streamSequence
        self.consumerSequence = consumerSequence
        self.timestamp = timestamp
        self.pending = pending
    }

    private struct Bounds {
        let domain: Range<Int>
        let stream: Range<Int>
        let consumer: Range<Int>
        let delivered: Range<Int>
        let streamSequence: Range<Int>
        let consumerSequence: Range<Int>
        let timestamp: Range<Int>
        let pending: Range<Int>
    }
}

extension UInt64 {
    fileprivate init?(decimal digits: Slice<UnsafeBufferPointer<UInt8>>) {
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
