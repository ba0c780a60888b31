#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// What a server says about a message that a consumer will not get again (NATS ADR-32,
/// `io.nats.jetstream.advisory.v1.max_deliver` and `.terminated`).
///
/// Advisories are core NATS: whoever does not listen misses them, unless a stream captures them
/// (``StreamConfiguration/advisories(name:maxAge:replicas:)``).
public struct ConsumerAdvisory: Sendable, Hashable {
    /// What has happened to the message.
    public enum Event: Sendable, Hashable {
        /// It was delivered as often as the consumer allows; on a work queue it stays in the stream.
        case maximumDeliveries
        /// The consumer's client has ended its delivery, with its reason if it gave one; a work queue deletes it.
        case terminated(reason: String?)
    }

    /// What has happened.
    public let event: Event
    /// The advisory's own id, the same in each copy.
    public let id: String
    /// When it happened, in nanoseconds since 1970-01-01 00:00 UTC.
    public let timestamp: Int64
    /// The stream.
    public let stream: String
    /// The consumer.
    public let consumer: String
    /// The sequence of the message in the stream, to read it while the stream holds it.
    public let streamSequence: UInt64
    /// The sequence of the delivery in the consumer; `nil` when the server does not say it.
    public let consumerSequence: UInt64?
    /// How often the message was delivered.
    public let deliveries: UInt64
    /// The JetStream domain, when the server has one.
    public let domain: String?

    /// The subjects of both kinds of advisory, for every stream and consumer.
    public static let subjects = [
        "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>",
    ]

    /// Decodes an advisory.
    ///
    /// - Throws: `JetStreamError` with `.invalidResponse` for anything else.
    public init(payload: [UInt8]) throws {
        let body = try JetStreamContext.decode(Body.self, from: payload, "read an advisory")
        switch body.type {
        case "io.nats.jetstream.advisory.v1.max_deliver": event = .maximumDeliveries
        case "io.nats.jetstream.advisory.v1.terminated": event = .terminated(reason: body.reason)
        default: throw JetStreamError(.invalidResponse, "'\(body.type)' is no advisory about a message")
        }
        id = body.id
        timestamp = Timestamp.nanoseconds(body.timestamp) ?? 0
        stream = body.stream
        consumer = body.consumer
        streamSequence = body.streamSequence
        consumerSequence = body.consumerSequence
        deliveries = body.deliveries
        domain = body.domain
    }

    private struct Body: Decodable {
        let type: String
        let id: String
        let timestamp: String
        let stream: String
        let consumer: String
        let streamSequence: UInt64
        let consumerSequence: UInt64?
        let deliveries: UInt64
        let reason: String?
        let domain: String?

        enum CodingKeys: String, CodingKey {
            case type, id, timestamp, stream, consumer, deliveries, reason, domain
            case streamSequence = "stream_seq"
            case consumerSequence = "consumer_seq"
        }
    }
}

extension StreamConfiguration {
    /// A stream that captures the advisories about messages which no consumer will get again.
    ///
    /// - Parameter maxAge: How long they are kept.
    public static func advisories(
        name: String = "ADVISORIES",
        maxAge: Duration = .seconds(7 * 86_400),
        replicas: Int? = nil
    ) -> StreamConfiguration {
        StreamConfiguration(
            name: name,
            subjects: ConsumerAdvisory.subjects,
            description: "Advisories about messages that reached their last delivery or were terminated",
            maxAge: maxAge,
            maxMessages: 100_000,
            replicas: replicas
        )
    }
}
