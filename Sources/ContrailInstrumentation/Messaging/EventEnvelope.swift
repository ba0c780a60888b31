internal import JetStream
internal import Observability

/// What is known about an event beside its payload: CloudEvents 1.0 in binary mode over NATS headers.
public struct EventEnvelope: Sendable, Hashable {
    /// The event's identity, for ever; also `Nats-Msg-Id`.
    public var id: String
    /// The kind of event, which is its subject: `order.created`.
    public var type: String
    /// Who made it: `/contrail/orders`.
    public var source: String
    /// The aggregate that it is about.
    public var subject: String
    /// When it was recorded, in nanoseconds since the Unix epoch.
    public var time: UInt64
    /// The payload's message and schema version: `contrail.events.v1.OrderCreated/1`.
    public var dataSchema: String

    /// Creates an envelope.
    public init(id: String, type: String, source: String, subject: String, time: UInt64, dataSchema: String) {
        self.id = id
        self.type = type
        self.source = source
        self.subject = subject
        self.time = time
        self.dataSchema = dataSchema
    }
}

extension EventEnvelope {
    /// The headers of an event that is published.
    var headers: NATSHeaders {
        [
            "ce-specversion": "1.0",
            "ce-id": id,
            "ce-type": type,
            "ce-source": source,
            "ce-subject": subject,
            "ce-time": RFC3339.format(nanoseconds: time),
            "ce-dataschema": dataSchema,
            "content-type": "application/protobuf",
        ]
    }

    /// Reads the headers of a message.
    init(_ message: JetStreamMessage) {
        self.init(
            headers: message.headers,
            subject: message.subject,
            fallbackID: "\(message.metadata.stream):\(message.metadata.streamSequence)",
            fallbackTime: UInt64(clamping: message.metadata.timestamp)
        )
    }

    /// Reads headers.
    ///
    /// Producers that know nothing of CloudEvents are understood as far as possible: the subject is the type,
    /// `Nats-Msg-Id` or else the position in the stream is the identity, the time of storage is the time. An id that is
    /// empty or longer than ``longestID`` bytes is none: databases index it. The source is no part of the identity, so
    /// producers must choose ids as unique as UUIDs.
    init(headers: NATSHeaders, subject: String, fallbackID: String, fallbackTime: UInt64) {
        self.init(
            id: Self.id("ce-id", in: headers) ?? Self.id("Nats-Msg-Id", in: headers) ?? fallbackID,
            type: headers.first(named: "ce-type") ?? subject,
            source: headers.first(named: "ce-source") ?? "",
            subject: headers.first(named: "ce-subject") ?? "",
            time: headers.first(named: "ce-time").flatMap(RFC3339.parse) ?? fallbackTime,
            dataSchema: headers.first(named: "ce-dataschema") ?? ""
        )
    }

    /// The most bytes of an id.
    static let longestID = 200

    private static func id(_ name: String, in headers: NATSHeaders) -> String? {
        headers.first(named: name).flatMap { (1...longestID).contains($0.utf8.count) ? $0 : nil }
    }
}

extension Propagators {
    /// The context that a message carries.
    ///
    /// Names are matched in any case, because other producers' libraries write `Traceparent`; `Xraceparent` is what
    /// servers 2.11 to 2.13 make of a header whose trace they were told to disable.
    func extract(_ headers: NATSHeaders) -> ActiveContext {
        let context = extract { Self.values(of: $0, in: headers) }
        guard context.spanContext == nil, headers.first(named: "traceparent") == nil else { return context }
        return extract { Self.values(of: $0 == "traceparent" ? "xraceparent" : $0, in: headers) }
    }

    /// The values under the exact name where there are any: a header that a library added in another case is older.
    private static func values(of name: String, in headers: NATSHeaders) -> [String] {
        let exact = headers.filter { $0.name == name }.map(\.value)
        return exact.isEmpty ? headers.values(named: name) : exact
    }
}
