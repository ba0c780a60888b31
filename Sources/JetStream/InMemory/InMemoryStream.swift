/// The state of a stream in memory. It does no I/O and reads no clock.
struct InMemoryStream {
    var configuration: StreamConfiguration
    var consumers: [String: InMemoryConsumer] = [:]
    private(set) var lastSequence: UInt64 = 0
    private var messages: [StoredMessage] = []
    private var lastTimestamp: Int64?
    /// What `Nats-Msg-Id` has been seen, until when on the broker's clock, and as which message.
    private var duplicates: [String: (until: Duration, sequence: UInt64)] = [:]
    /// When the messages were stored, on the broker's clock, for `maxAge`.
    private var storedAt: [UInt64: Duration] = [:]

    init(_ configuration: StreamConfiguration) {
        var configuration = configuration
        configuration.duplicateWindow = configuration.duplicateWindow ?? .seconds(120)
        configuration.replicas = configuration.replicas ?? 1
        self.configuration = configuration
    }

    // MARK: Storing

    /// Refuses what the stream does not take; stores nothing.
    func check(_ message: NATSMessage, adding count: Int = 0) throws {
        func refuse(_ errorCode: Int, _ reason: String) -> JetStreamError {
            APIErrorBody(code: errorCode == 10077 ? 503 : 400, errorCode: errorCode, description: reason)
                .error("publish to '\(message.subject)'")
        }
        if let expected = message.headers.first(named: "Nats-Expected-Stream"), expected != configuration.name {
            throw refuse(10060, "expected stream does not match")
        }
        let size = Self.size(message)
        if let limit = configuration.maxMessageSize, limit >= 0, size > Int(limit) {
            throw refuse(10054, "message size exceeds maximum allowed")
        }
        if let text = message.headers.first(named: "Nats-Expected-Last-Subject-Sequence"), let expected = UInt64(text) {
            let last = messages.last { $0.message.subject == message.subject }?.sequence ?? 0
            if last != expected { throw refuse(10071, "wrong last sequence: \(last)") }
        }
        guard configuration.discard == .new else { return }
        if let limit = configuration.maxMessages, limit > 0, messages.count + count >= Int(limit) {
            throw refuse(10077, "maximum messages exceeded")
        }
        if let limit = configuration.maxBytes, limit > 0, bytes + size > Int(limit) {
            throw refuse(10077, "maximum bytes exceeded")
        }
    }

    /// The sequence of the message that this one repeats.
    mutating func duplicate(of message: NATSMessage, now: Duration) -> UInt64? {
        duplicates = duplicates.filter { $0.value.until > now }
        return message.headers.first(named: "Nats-Msg-Id").flatMap { duplicates[$0]?.sequence }
    }

    /// Stores a message that has been checked; returns its sequence.
    mutating func store(_ message: NATSMessage, now: Duration, timestamp: Int64) -> UInt64 {
        lastSequence += 1
        lastTimestamp = timestamp
        if let id = message.headers.first(named: "Nats-Msg-Id"), let window = configuration.duplicateWindow {
            duplicates[id] = (now + window, lastSequence)
        }
        messages.append(StoredMessage(message: message, sequence: lastSequence, timestamp: timestamp))
        storedAt[lastSequence] = now
        if let limit = configuration.maxMessagesPerSubject, limit > 0 {
            let same = messages.filter { $0.message.subject == message.subject }
            for old in same.dropLast(Int(limit)) { remove(old.sequence) }
        }
        if let limit = configuration.maxMessages, limit > 0 {
            while messages.count > Int(limit), let first = messages.first { remove(first.sequence) }
        }
        if let limit = configuration.maxBytes, limit > 0 {
            while bytes > Int(limit), let first = messages.first { remove(first.sequence) }
        }
        return lastSequence
    }

    /// Removes what is too old.
    mutating func expire(_ now: Duration) {
        guard let age = configuration.maxAge, age > .zero else { return }
        for message in messages where storedAt[message.sequence].map({ $0 + age <= now }) ?? false {
            remove(message.sequence)
        }
    }

    @discardableResult
    mutating func remove(_ sequence: UInt64) -> Bool {
        guard let index = index(sequence) else { return false }
        messages.remove(at: index)
        storedAt[sequence] = nil
        for name in consumers.keys { consumers[name]?.pending[sequence] = nil }
        return true
    }

    /// Forgets what a restarted server forgets: the ids of messages that are not stored any more.
    mutating func forgetRemovedDuplicates() {
        let stored = Set(messages.map(\.sequence))
        duplicates = duplicates.filter { stored.contains($0.value.sequence) }
    }

    // MARK: Reading

    func message(_ sequence: UInt64) -> StoredMessage? {
        index(sequence).map { messages[$0] }
    }

    func last(where matches: (StoredMessage) -> Bool) -> StoredMessage? {
        messages.last(where: matches)
    }

    func first(from sequence: UInt64, where matches: (StoredMessage) -> Bool) -> StoredMessage? {
        messages[lowerBound(sequence)...].first(where: matches)
    }

    func count(from sequence: UInt64, where matches: (StoredMessage) -> Bool) -> Int {
        messages[lowerBound(sequence)...].count(where: matches)
    }

    func all(where matches: (StoredMessage) -> Bool) -> [StoredMessage] {
        messages.filter(matches)
    }

    func info(subjects filter: String?) -> StreamInfo {
        var subjects: [String: UInt64]?
        if let filter {
            var counts: [String: UInt64] = [:]
            for message in messages where Subjects.matches(filter, message.message.subject) {
                counts[message.message.subject, default: 0] += 1
            }
            subjects = counts
        }
        return StreamInfo(
            configuration: configuration,
            state: StreamInfo.State(
                messages: UInt64(messages.count),
                bytes: UInt64(bytes),
                firstSequence: messages.first?.sequence ?? (lastSequence == 0 ? 0 : lastSequence + 1),
                lastSequence: lastSequence,
                firstTimestamp: messages.first?.timestamp,
                lastTimestamp: lastTimestamp,
                consumers: consumers.count,
                subjects: subjects
            )
        )
    }

    private var bytes: Int { messages.reduce(0) { $0 + Self.size($1.message) } }

    private static func size(_ message: NATSMessage) -> Int {
        message.headers.reduce(message.headers.isEmpty ? 0 : 12) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
            + message.payload.count
    }

    private func index(_ sequence: UInt64) -> Int? {
        let index = lowerBound(sequence)
        return index < messages.count && messages[index].sequence == sequence ? index : nil
    }

    private func lowerBound(_ sequence: UInt64) -> Int {
        var (low, high) = (0, messages.count)
        while low < high {
            let middle = (low + high) / 2
            if messages[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
