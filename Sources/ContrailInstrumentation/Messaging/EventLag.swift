internal import JetStream

/// How far a consumer is behind, read from the stream and not from what the consumer has completed.
public struct EventLag: Sendable, Hashable {
    /// Events that the stream holds: on a work queue, those that are not done.
    public var stored: UInt64 = 0
    /// Events that have not been delivered yet.
    public var pending: UInt64 = 0
    /// Events that have been delivered and not been settled.
    public var acknowledgementPending: Int = 0
    /// Those of them that have been delivered more than once.
    public var redelivered: Int = 0
    /// Stored events that are neither: nobody will deliver them.
    public var stuck: UInt64 = 0
    /// When the oldest stored event was recorded, in nanoseconds since the Unix epoch; `nil` when there is none.
    public var oldest: UInt64?
    /// Events that have been stored for longer than a journey may take.
    public var overdue: UInt64 = 0

    /// Creates the lag of a consumer that has nothing to do.
    public init() {}
}

extension MessageBroker {
    /// Reads how far a consumer of a work queue is behind.
    ///
    /// - Parameters:
    ///   - consumer: The consumer; its `lateAfter` decides what is overdue.
    ///   - now: The time, in nanoseconds since the Unix epoch.
    /// - Throws: What NATS answers.
    public func lag(of consumer: TracedConsumer.Configuration, now: UInt64) async throws -> EventLag {
        let context = try await jetStream()
        let known = try await context.lag(stream: consumer.stream, consumer: consumer.consumer)
        var lag = EventLag()
        lag.stored = known.stored
        lag.pending = known.pending
        lag.acknowledgementPending = known.ackPending
        lag.redelivered = known.redelivered
        lag.stuck = known.stuck
        guard known.stored > 0,
            let oldest = try await context.nextMessage(stream: consumer.stream, subject: ">", from: 1)
        else { return lag }
        let event = EventEnvelope(
            headers: oldest.message.headers,
            subject: oldest.message.subject,
            fallbackID: "",
            fallbackTime: UInt64(clamping: oldest.timestamp)
        )
        lag.oldest = min(event.time, UInt64(clamping: oldest.timestamp))
        let limit = Int64(clamping: now) - Int64(consumer.lateAfter / .nanoseconds(1))
        if oldest.timestamp < limit {
            let young = try await context.countMessages(stream: consumer.stream, since: limit)
            lag.overdue = known.stored > young ? known.stored - young : 0
        }
        return lag
    }
}
