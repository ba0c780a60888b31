/// All streams of a broker in memory, and who waits for a change.
struct InMemoryBrokerState {
    var streams: [String: InMemoryStream] = [:]
    /// Counts changes, so that a reader cannot miss one between looking and waiting.
    private(set) var version: UInt64 = 0
    private var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var lastWaiter: UInt64 = 0

    mutating func makeWaiter() -> UInt64 {
        lastWaiter += 1
        return lastWaiter
    }

    /// Keeps a continuation until the next change; returns `false` when there has been one since `version`.
    mutating func wait(_ id: UInt64, _ continuation: CheckedContinuation<Void, Never>, since version: UInt64) -> Bool {
        guard version == self.version else { return false }
        waiters[id] = continuation
        return true
    }

    mutating func takeWaiter(_ id: UInt64) -> CheckedContinuation<Void, Never>? {
        waiters.removeValue(forKey: id)
    }

    /// Notes a change; returns whom to resume.
    mutating func changed() -> [CheckedContinuation<Void, Never>] {
        version += 1
        defer { waiters = [:] }
        return Array(waiters.values)
    }

    func stream(_ name: String, to action: String) throws -> InMemoryStream {
        guard let stream = streams[name] else {
            throw APIErrorBody(code: 404, errorCode: 10059, description: "stream not found").error(action)
        }
        return stream
    }

    func consumer(_ name: String, of stream: String, to action: String) throws -> InMemoryConsumer {
        guard let consumer = try self.stream(stream, to: action).consumers[name] else {
            throw APIErrorBody(code: 404, errorCode: 10014, description: "consumer not found").error(action)
        }
        return consumer
    }

    /// The name of the stream that stores a subject.
    func owner(of subject: String) throws -> String {
        let owner = streams.values.first { stream in
            stream.configuration.subjects.contains { Subjects.matches($0, subject) }
        }
        guard let owner else {
            throw NATSError(
                .noResponders,
                "no stream stores '\(subject)', or JetStream is not running; the message was not stored"
            )
        }
        return owner.configuration.name
    }

    mutating func expire(_ now: Duration) {
        for name in streams.keys { streams[name]?.expire(now) }
    }

    /// Stores a message, or finds the one that it repeats.
    mutating func publish(_ message: NATSMessage, now: Duration, timestamp: Int64) throws -> PublishAcknowledgement {
        let name = try owner(of: message.subject)
        guard var stream = streams[name] else { throw NATSError(.noResponders, "stream '\(name)' is gone") }
        defer { streams[name] = stream }
        try stream.check(message)
        if let sequence = stream.duplicate(of: message, now: now) {
            return PublishAcknowledgement(stream: name, sequence: sequence, isDuplicate: true)
        }
        return PublishAcknowledgement(
            stream: name,
            sequence: stream.store(message, now: now, timestamp: timestamp)
        )
    }

    /// Stores all messages or none.
    mutating func publish(
        batch: [NATSMessage],
        expectedStream: String?,
        now: Duration,
        timestamp: Int64
    ) throws -> BatchAcknowledgement {
        let action = "publish a batch of \(batch.count) messages"
        func refuse(_ errorCode: Int, _ reason: String) -> JetStreamError {
            APIErrorBody(code: 400, errorCode: errorCode, description: reason).error(action)
        }
        let names = try Set(batch.map { try owner(of: $0.subject) })
        guard let name = names.first, names.count == 1, var stream = streams[name] else {
            throw refuse(10176, "atomic publish batch is incomplete")
        }
        if let expectedStream, expectedStream != name { throw refuse(10060, "expected stream does not match") }
        guard stream.configuration.allowAtomic == true else { throw refuse(10174, "atomic publish is disabled") }
        var ids: Set<String> = []
        for (index, message) in batch.enumerated() {
            try stream.check(message, adding: index)
            guard let id = message.headers.first(named: "Nats-Msg-Id") else { continue }
            if !ids.insert(id).inserted || stream.duplicate(of: message, now: now) != nil {
                throw refuse(10201, "atomic publish batch contains duplicate message id")
            }
        }
        for message in batch { _ = stream.store(message, now: now, timestamp: timestamp) }
        streams[name] = stream
        return BatchAcknowledgement(stream: name, lastSequence: stream.lastSequence, count: batch.count)
    }
}
