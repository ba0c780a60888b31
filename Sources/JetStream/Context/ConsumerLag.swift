/// How far a consumer is behind, including what its own counters do not show.
public struct ConsumerLag: Sendable, Hashable {
    /// The messages of the consumer's subjects that have not been delivered yet.
    public let pending: UInt64
    /// Those that are delivered and not acknowledged.
    public let ackPending: Int
    /// Those of them that have been delivered more than once.
    public let redelivered: Int
    /// The pull requests that wait.
    public let waiting: Int
    /// The messages of the consumer's subjects that the stream holds.
    public let stored: UInt64
    /// When the oldest message that is not done was stored, in nanoseconds since 1970; `nil` when all is done.
    public let oldestTimestamp: Int64?
    /// The newest message up to which everything is acknowledged, and when that last moved.
    public let ackFloor: ConsumerInfo.Position
    /// The last delivery, and when it was.
    public let delivered: ConsumerInfo.Position

    /// The stored messages that are neither pending nor being worked on: on a work queue those that have reached
    /// `max_deliver`, which no counter of the consumer shows. Between two looks it may be wrong for a moment.
    public var stuck: UInt64 {
        let known = pending + UInt64(max(0, ackPending))
        return stored > known ? stored - known : 0
    }
}

extension JetStreamBroker {
    /// Returns how far a consumer of a **work queue** is behind: there, what is stored is what is not done.
    ///
    /// Three requests; the stream is read after the consumer, so that a message which is acknowledged in between is not
    /// taken for a stuck one.
    /// - Throws: `JetStreamError` with `.consumerNotFound` or `.streamNotFound`, `NATSError`.
    public func lag(stream: String, consumer: String) async throws -> ConsumerLag {
        let info = try await consumerInfo(stream: stream, consumer: consumer)
        let filters = info.configuration.filterSubjects
        let state = try await streamInfo(stream, subjects: filters.isEmpty ? nil : ">").state
        var stored = state.messages
        var oldest = state.firstTimestamp
        if !filters.isEmpty {
            let counts = state.subjects ?? [:]
            stored = counts.reduce(0) { sum, entry in
                filters.contains { Subjects.matches($0, entry.key) } ? sum + entry.value : sum
            }
            oldest = nil
            for filter in filters where stored > 0 {
                let first = try await nextMessage(stream: stream, subject: filter, from: state.firstSequence)
                if let time = first?.timestamp { oldest = Swift.min(oldest ?? time, time) }
            }
        }
        return ConsumerLag(
            pending: info.pending,
            ackPending: info.ackPending,
            redelivered: info.redelivered,
            waiting: info.waiting,
            stored: stored,
            oldestTimestamp: oldest,
            ackFloor: info.ackFloor,
            delivered: info.delivered
        )
    }
}
