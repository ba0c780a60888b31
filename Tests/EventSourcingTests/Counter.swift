import EventSourcing
import Synchronization

/// The simplest aggregate: a number that events add to.
struct Counter: Aggregate {
    enum Event: DomainEvent, Hashable {
        case added(UInt8)

        func encoded() throws -> EncodedEvent {
            switch self {
            case .added(let number): EncodedEvent(type: "counter.added", schemaVersion: 1, payload: [number])
            }
        }

        init(_ encoded: EncodedEvent) throws {
            guard encoded.type == "counter.added", encoded.payload.count == 1 else {
                throw EventStoreError(.undecodableEvent, "\(encoded.type) is no event of a counter")
            }
            self = .added(encoded.payload[0])
        }
    }

    private(set) var sum = 0
    private(set) var recordings: [EventRecording] = []

    mutating func apply(_ event: Event, recording: EventRecording) {
        switch event {
        case .added(let number): sum += Int(number)
        }
        recordings.append(recording)
    }
}

/// A store that does something before it appends: what another writer could do between a decision and its append.
struct InterruptedStore: EventStore {
    let store = InMemoryEventStore()
    let before: @Sendable (InMemoryEventStore, _ attempt: Int) async throws -> Void
    private let counts = Counts()

    private final class Counts: Sendable {
        let value = Mutex((reads: 0, appends: 0))
    }

    init(before: @escaping @Sendable (InMemoryEventStore, _ attempt: Int) async throws -> Void = { _, _ in }) {
        self.before = before
    }

    var reads: Int { counts.value.withLock { $0.reads } }
    var appends: Int { counts.value.withLock { $0.appends } }

    func read(_ stream: String, after version: Int) async throws -> [RecordedEvent] {
        counts.value.withLock { $0.reads += 1 }
        return try await store.read(stream, after: version)
    }

    func append(
        _ events: [NewEvent],
        to stream: String,
        expectedVersion: Int,
        commandID: String?
    ) async throws -> [RecordedEvent] {
        let attempt = counts.value.withLock { counts in
            counts.appends += 1
            return counts.appends
        }
        try await before(store, attempt)
        return try await store.append(events, to: stream, expectedVersion: expectedVersion, commandID: commandID)
    }

    func stream(ofCommand commandID: String) async throws -> String? {
        try await store.stream(ofCommand: commandID)
    }
}
