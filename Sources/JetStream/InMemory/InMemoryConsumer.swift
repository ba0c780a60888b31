/// The state of a consumer in memory. It does no I/O and reads no clock.
struct InMemoryConsumer {
    /// A message that is delivered and not acknowledged.
    struct Pending {
        /// When it is delivered again, on the broker's clock.
        var due: Duration
        var deliveries: UInt64
        var consumerSequence: UInt64
    }

    /// What to deliver.
    struct Next {
        let sequence: UInt64
        let deliveries: UInt64
        let consumerSequence: UInt64
    }

    var configuration: ConsumerConfiguration
    var pending: [UInt64: Pending] = [:]
    var delivered: UInt64 = 0
    var deliveredStream: UInt64
    var lastDelivery: Int64?
    var lastAcknowledgement: Int64?
    /// Readers that wait.
    var waiting = 0

    init(_ configuration: ConsumerConfiguration, stream: InMemoryStream) {
        var configuration = configuration
        configuration.ackWait = configuration.backoff?.first ?? configuration.ackWait ?? .seconds(30)
        configuration.maxDeliver = configuration.maxDeliver ?? -1
        configuration.maxAckPending = configuration.maxAckPending ?? 1000
        configuration.maxWaiting = configuration.maxWaiting ?? 512
        self.configuration = configuration
        switch configuration.deliverPolicy {
        case .all: deliveredStream = 0
        case .last: deliveredStream = max(1, stream.lastSequence) - 1
        case .new: deliveredStream = stream.lastSequence
        }
    }

    func wants(_ subject: String) -> Bool {
        configuration.filterSubjects.isEmpty
            || configuration.filterSubjects.contains { Subjects.matches($0, subject) }
    }

    /// How long the delivery number `count` may stay without an answer.
    private func wait(_ count: UInt64) -> Duration {
        guard let backoff = configuration.backoff, !backoff.isEmpty else {
            return configuration.ackWait ?? .seconds(30)
        }
        return backoff[min(Int(clamping: count), backoff.count) - 1]
    }

    /// Removes messages that have been delivered as often as they may be; returns their sequences and counts.
    mutating func takeExhausted(_ now: Duration) -> [(sequence: UInt64, pending: Pending)] {
        guard let limit = configuration.maxDeliver, limit > 0 else { return [] }
        let exhausted = pending.filter { $0.value.due <= now && $0.value.deliveries >= UInt64(limit) }
        for sequence in exhausted.keys { pending[sequence] = nil }
        return exhausted.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// Takes what is to be delivered now: redeliveries that are due first, then what is new.
    mutating func take(from stream: InMemoryStream, now: Duration, timestamp: Int64) -> Next? {
        let isUnanswered = configuration.ackPolicy != .none
        if let (sequence, entry) = pending.filter({ $0.value.due <= now }).min(by: {
            ($0.value.due, $0.key) < ($1.value.due, $1.key)
        }) {
            guard stream.message(sequence) != nil else {
                pending[sequence] = nil
                return take(from: stream, now: now, timestamp: timestamp)
            }
            delivered += 1
            let count = entry.deliveries + 1
            pending[sequence] = Pending(due: now + wait(count), deliveries: count, consumerSequence: delivered)
            lastDelivery = timestamp
            return Next(sequence: sequence, deliveries: count, consumerSequence: delivered)
        }
        if let limit = configuration.maxAckPending, limit > 0, isUnanswered, pending.count >= limit { return nil }
        guard let message = stream.first(from: deliveredStream + 1, where: { wants($0.message.subject) }) else {
            return nil
        }
        delivered += 1
        deliveredStream = message.sequence
        lastDelivery = timestamp
        if isUnanswered {
            pending[message.sequence] = Pending(due: now + wait(1), deliveries: 1, consumerSequence: delivered)
        }
        return Next(sequence: message.sequence, deliveries: 1, consumerSequence: delivered)
    }

    /// When something is due that is not due now.
    var nextDue: Duration? { pending.values.map(\.due).min() }

    /// Returns whether the message was pending.
    mutating func acknowledge(_ sequence: UInt64, timestamp: Int64) -> Bool {
        guard pending[sequence] != nil else { return false }
        if configuration.ackPolicy == .all {
            pending = pending.filter { $0.key > sequence }
        } else {
            pending[sequence] = nil
        }
        lastAcknowledgement = timestamp
        return true
    }

    mutating func retry(_ sequence: UInt64, at due: Duration) {
        pending[sequence]?.due = due
    }

    mutating func extend(_ sequence: UInt64, now: Duration) {
        guard let entry = pending[sequence] else { return }
        let due = now + wait(entry.deliveries)
        pending[sequence]?.due = due
    }

    func info(_ stream: InMemoryStream) -> ConsumerInfo {
        let floor = pending.keys.min().map { $0 - 1 } ?? deliveredStream
        let deliveredFloor = pending.values.map(\.consumerSequence).min().map { $0 - 1 } ?? delivered
        return ConsumerInfo(
            stream: stream.configuration.name,
            name: configuration.durableName,
            configuration: configuration,
            delivered: ConsumerInfo.Position(
                consumerSequence: delivered,
                streamSequence: deliveredStream,
                lastActive: lastDelivery
            ),
            ackFloor: ConsumerInfo.Position(
                consumerSequence: deliveredFloor,
                streamSequence: floor,
                lastActive: lastAcknowledgement
            ),
            ackPending: pending.count,
            redelivered: pending.values.count { $0.deliveries > 1 },
            waiting: waiting,
            pending: UInt64(stream.count(from: deliveredStream + 1) { wants($0.message.subject) })
        )
    }
}
