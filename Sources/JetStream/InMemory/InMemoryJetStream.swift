internal import Foundation
internal import Synchronization

/// A JetStream broker in memory, for tests that need no server: the same calls, the same errors, time by a clock of the
/// test's own.
///
/// It has work queues and limits, the duplicate window, expectations, redelivery after `ack_wait` and after a negative
/// acknowledgement, `max_deliver`, `max_ack_pending`, batches, and advisories for streams that capture them. It has no
/// interest retention, no replicas and no disk, and it never loses or repeats what it need not: what a network does is
/// tested against a server.
public final class InMemoryJetStream: JetStreamBroker {
    private let state = Mutex(InMemoryBrokerState())
    private let elapsed: @Sendable () -> Duration
    private let sleep: @Sendable (_ until: Duration) async throws -> Void
    private let begin = Int64(Date().timeIntervalSince1970 * 1e9)

    /// Creates a broker without streams.
    ///
    /// - Parameter clock: What acknowledgement waits, delays, ages and the duplicate window are measured with.
    public init<C: Clock>(clock: C = ContinuousClock()) where C.Duration == Duration {
        let start = clock.now
        elapsed = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(until: start.advanced(by: $0), tolerance: nil) }
    }

    /// Does to the broker what a restart does to a server: acknowledged messages of work queues are forgotten by the
    /// duplicate window.
    public func restart() {
        change { state, _ in
            for name in state.streams.keys { state.streams[name]?.forgetRemovedDuplicates() }
        }
    }

    // MARK: Streams and consumers

    /// Makes sure that a stream exists as configured; see ``JetStreamContext/ensureStream(_:)``.
    @discardableResult
    public func ensureStream(_ configuration: StreamConfiguration) async throws -> StreamInfo {
        try configuration.validate()
        guard configuration.retention != .interest else {
            throw JetStreamError(.invalidDeclaration, "the broker in memory has no interest retention")
        }
        let name = configuration.name
        let wanted = try JSON.object(configuration)
        return try change { state, _ in
            let existing = try state.streams[name].map { try JSON.object($0.configuration) }
            let plan = ConfigurationChange.stream.plan(wanted: wanted, existing: existing, thing: "stream '\(name)'")
            try plan.check()
            for other in state.streams.values where other.configuration.name != name {
                let overlaps = configuration.subjects.contains { subject in
                    other.configuration.subjects.contains { Subjects.overlap($0, subject) }
                }
                if overlaps {
                    throw APIErrorBody(
                        code: 400,
                        errorCode: 10065,
                        description: "subjects overlap with an existing stream"
                    ).error("create stream '\(name)'")
                }
            }
            var stream = state.streams[name] ?? InMemoryStream(configuration)
            if let existing, plan.action == .update {
                let merged = ConfigurationChange.stream.merge(wanted, into: existing)
                stream.configuration = try JSON.decode(StreamConfiguration.self, from: JSON.encode(merged))
            }
            state.streams[name] = stream
            return stream.info(subjects: nil)
        }
    }

    /// Makes sure that a durable consumer exists as configured; see ``JetStreamContext/ensureConsumer(_:on:)``.
    @discardableResult
    public func ensureConsumer(_ configuration: ConsumerConfiguration, on stream: String) async throws -> ConsumerInfo {
        try Subjects.validate(name: stream, of: "stream")
        try configuration.validate()
        let name = configuration.durableName
        let wanted = try JSON.object(configuration)
        return try change { state, _ in
            let found = try state.stream(stream, to: "create consumer '\(name)'")
            let existing = try found.consumers[name].map { try JSON.object($0.configuration) }
            if existing == nil {
                try configuration.validate(on: found.configuration, beside: found.consumers.values.map(\.configuration))
            }
            let plan = ConfigurationChange.consumer.plan(
                wanted: wanted,
                existing: existing,
                thing: "consumer '\(name)' of stream '\(stream)'"
            )
            try plan.check()
            var consumer = found.consumers[name] ?? InMemoryConsumer(configuration, stream: found)
            if let existing, plan.action == .update {
                let merged = ConfigurationChange.consumer.merge(wanted, into: existing)
                consumer.configuration = try JSON.decode(ConsumerConfiguration.self, from: JSON.encode(merged))
            }
            state.streams[stream]?.consumers[name] = consumer
            return consumer.info(found)
        }
    }

    /// Returns what is known about a stream.
    public func streamInfo(_ name: String, subjects: String?) async throws -> StreamInfo {
        try Subjects.validate(name: name, of: "stream")
        return try read { try $0.stream(name, to: "read stream '\(name)'").info(subjects: subjects) }
    }

    /// Returns what is known about a consumer.
    public func consumerInfo(stream: String, consumer: String) async throws -> ConsumerInfo {
        let action = "read consumer '\(consumer)' of stream '\(stream)'"
        return try read { try $0.consumer(consumer, of: stream, to: action).info($0.stream(stream, to: action)) }
    }

    // MARK: Publishing

    /// Publishes a message and stores it; the time-out is not used.
    public func publish(_ message: EncodedMessage, timeout: Duration) async throws -> PublishAcknowledgement {
        let message = message.decoded
        return try change { state, now in
            try state.publish(message, now: now, timestamp: timestamp(now))
        }
    }

    /// Publishes messages of one stream so that all of them are stored or none is; the time-out is not used.
    public func publishBatch(
        _ messages: [NATSMessage],
        expectedStream: String?,
        timeout: Duration
    ) async throws -> BatchAcknowledgement {
        guard !messages.isEmpty, messages.count <= JetStreamContext.maximumBatchCount else {
            throw NATSError(.invalidArgument, "a batch has 1 to \(JetStreamContext.maximumBatchCount) messages")
        }
        for message in messages {
            _ = try EncodedMessage(subject: message.subject, headers: message.headers, payload: [])
        }
        return try change { state, now in
            try state.publish(batch: messages, expectedStream: expectedStream, now: now, timestamp: timestamp(now))
        }
    }

    // MARK: Stored messages

    /// Returns a message by its sequence.
    public func getMessage(stream: String, sequence: UInt64) async throws -> StoredMessage {
        try found("get message \(sequence) of stream '\(stream)'", stream) { $0.message(sequence) }
    }

    /// Returns the newest message of a subject, which may have wildcards.
    public func lastMessage(stream: String, subject: String) async throws -> StoredMessage {
        try Subjects.validate(subject, allowsWildcards: true)
        return try found("get the last message of '\(subject)' of stream '\(stream)'", stream) { stream in
            stream.last { Subjects.matches(subject, $0.message.subject) }
        }
    }

    /// Returns the first message of a subject from a sequence on, or `nil` when there is none.
    public func nextMessage(stream: String, subject: String, from sequence: UInt64) async throws -> StoredMessage? {
        try Subjects.validate(subject, allowsWildcards: true)
        return try read { state in
            try state.stream(stream, to: "get a message of '\(subject)'")
                .first(from: sequence) { Subjects.matches(subject, $0.message.subject) }
        }
    }

    /// Counts the messages that were stored at an instant or later; see ``JetStreamContext/countMessages(stream:since:)``.
    public func countMessages(stream: String, since instant: Int64) async throws -> UInt64 {
        try read { state in
            let stream = try state.stream(stream, to: "count the messages of stream '\(stream)'")
            return UInt64(stream.count(from: 0) { $0.timestamp >= instant })
        }
    }

    /// Deletes one message.
    public func deleteMessage(stream: String, sequence: UInt64, erases: Bool) async throws {
        let action = "delete message \(sequence) of stream '\(stream)'"
        try change { state, _ in
            _ = try state.stream(stream, to: action)
            guard state.streams[stream]?.remove(sequence) == true else { throw Self.messageNotFound(action) }
        }
    }

    /// Removes all messages of a stream, or those of one subject; returns how many.
    @discardableResult
    public func purge(_ name: String, subject: String?) async throws -> UInt64 {
        try change { state, _ in
            let removed = try state.stream(name, to: "purge stream '\(name)'")
                .all { subject == nil || Subjects.matches(subject ?? ">", $0.message.subject) }
            for message in removed { state.streams[name]?.remove(message.sequence) }
            return UInt64(removed.count)
        }
    }

    private func found(
        _ action: String,
        _ stream: String,
        _ find: (InMemoryStream) -> StoredMessage?
    ) throws -> StoredMessage {
        try read { state in
            guard let message = find(try state.stream(stream, to: action)) else { throw Self.messageNotFound(action) }
            return message
        }
    }

    private static func messageNotFound(_ action: String) -> JetStreamError {
        APIErrorBody(code: 404, errorCode: 10037, description: "no message found").error(action)
    }

    // MARK: Consuming

    /// Reads the messages of a durable pull consumer; nothing is fetched ahead, and nothing ever stalls.
    public func messages(
        stream: String,
        consumer: String,
        options: PullOptions,
        onStall: (@Sendable (PullStall) -> Void)?
    ) throws -> PullConsumer {
        try Subjects.validate(name: stream, of: "stream")
        try Subjects.validate(name: consumer, of: "consumer")
        try options.validate()
        return PullConsumer(source: InMemorySource(broker: self, stream: stream, consumer: consumer))
    }

    /// What a reader finds.
    enum Look {
        case message(JetStreamMessage)
        /// Nothing now; look again after a change, or at a time on the broker's clock.
        case nothing(version: UInt64, next: Duration?)
    }

    /// Takes the next message of a consumer.
    func take(stream name: String, consumer: String) -> Look {
        let (look, waiters) = state.withLock { state -> (Look, [CheckedContinuation<Void, Never>]) in
            let now = elapsed()
            state.expire(now)
            // A consumer that does not exist yet is waited for, as at a server.
            guard var stream = state.streams[name], var found = stream.consumers[consumer] else {
                return (.nothing(version: state.version, next: nil), [])
            }
            let exhausted = found.takeExhausted(now)
            let next = found.take(from: stream, now: now, timestamp: timestamp(now))
            stream.consumers[consumer] = found
            state.streams[name] = stream
            for (sequence, pending) in exhausted {
                advise("MAX_DELIVERIES", "max_deliver", name, consumer, sequence, pending, reason: nil, &state, now)
            }
            guard let next, let message = stream.message(next.sequence) else {
                return (
                    .nothing(version: state.version, next: found.nextDue), exhausted.isEmpty ? [] : state.changed()
                )
            }
            let metadata = MessageMetadata(
                stream: name,
                consumer: consumer,
                deliveryCount: next.deliveries,
                streamSequence: next.sequence,
                consumerSequence: next.consumerSequence,
                timestamp: message.timestamp,
                pending: found.info(stream).pending
            )
            let delivery = InMemoryDelivery(broker: self, message: message.message, metadata: metadata)
            return (.message(JetStreamMessage(delivery, metadata)), state.changed())
        }
        for waiter in waiters { waiter.resume() }
        return look
    }

    /// Waits for a change, or until a time on the broker's clock.
    func wait(since version: UInt64, until deadline: Duration?, stream: String, consumer: String) async {
        state.withLock { $0.streams[stream]?.consumers[consumer]?.waiting += 1 }
        defer { state.withLock { $0.streams[stream]?.consumers[consumer]?.waiting -= 1 } }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitForChange(since: version) }
            if let deadline { group.addTask { [sleep] in try? await sleep(deadline) } }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitForChange(since version: UInt64) async {
        let id = state.withLock { $0.makeWaiter() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if !state.withLock({ $0.wait(id, continuation, since: version) }) {
                    continuation.resume()
                } else if Task.isCancelled {
                    wake(id)
                }
            }
        } onCancel: {
            wake(id)
        }
    }

    private func wake(_ id: UInt64) {
        state.withLock { $0.takeWaiter(id) }?.resume()
    }

    /// Wakes every reader.
    func wakeAll() {
        change { _, _ in }
    }

    /// Does what an answer to a delivery says.
    func answer(_ answer: DeliveryAnswer, _ metadata: MessageMetadata) {
        let (name, consumer, sequence) = (metadata.stream, metadata.consumer, metadata.streamSequence)
        change { state, now in
            guard let pending = state.streams[name]?.consumers[consumer]?.pending[sequence] else { return }
            switch answer {
            case .acknowledge, .terminate:
                _ = state.streams[name]?.consumers[consumer]?.acknowledge(sequence, timestamp: timestamp(now))
                if state.streams[name]?.configuration.retention == .workQueue { state.streams[name]?.remove(sequence) }
                if case .terminate(let reason) = answer {
                    advise(
                        "MSG_TERMINATED",
                        "terminated",
                        name,
                        consumer,
                        sequence,
                        pending,
                        reason: reason,
                        &state,
                        now
                    )
                }
            case .retry(let delay):
                state.streams[name]?.consumers[consumer]?.retry(sequence, at: now + max(.zero, delay))
            case .inProgress:
                state.streams[name]?.consumers[consumer]?.extend(sequence, now: now)
            }
        }
    }

    /// Publishes an advisory, which only a stream that captures it keeps.
    private func advise(
        _ subject: String,
        _ type: String,
        _ stream: String,
        _ consumer: String,
        _ sequence: UInt64,
        _ pending: InMemoryConsumer.Pending,
        reason: String?,
        _ state: inout InMemoryBrokerState,
        _ now: Duration
    ) {
        let body = Advisory(
            type: "io.nats.jetstream.advisory.v1.\(type)",
            id: Subjects.randomToken(),
            timestamp: Date(timeIntervalSince1970: Double(timestamp(now)) / 1e9).formatted(.iso8601),
            stream: stream,
            consumer: consumer,
            stream_seq: sequence,
            consumer_seq: pending.consumerSequence,
            deliveries: pending.deliveries,
            reason: reason
        )
        guard let payload = try? JSON.encode(body) else { return }
        let message = NATSMessage(
            subject: "$JS.EVENT.ADVISORY.CONSUMER.\(subject).\(stream).\(consumer)",
            payload: payload
        )
        _ = try? state.publish(message, now: now, timestamp: timestamp(now))
    }

    /// An advisory, with the names of the API.
    private struct Advisory: Encodable {
        let type, id, timestamp, stream, consumer: String
        let stream_seq, consumer_seq, deliveries: UInt64
        let reason: String?
    }

    // MARK: State

    private func timestamp(_ now: Duration) -> Int64 { begin + now.nanoseconds }

    private func read<Value: Sendable>(_ body: (InMemoryBrokerState) throws -> Value) throws -> Value {
        let now = elapsed()
        return try state.withLock { state in
            state.expire(now)
            return try body(state)
        }
    }

    /// Changes the state and wakes whoever waits for a change.
    @discardableResult
    private func change<Value: Sendable>(
        _ body: (inout InMemoryBrokerState, _ now: Duration) throws -> Value
    ) rethrows -> Value {
        let now = elapsed()
        let (value, waiters) = try state.withLock { state in
            state.expire(now)
            return (try body(&state, now), state.changed())
        }
        for waiter in waiters { waiter.resume() }
        return value
    }
}
