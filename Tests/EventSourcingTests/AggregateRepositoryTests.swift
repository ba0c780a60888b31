import EventSourcing
import Testing

@Suite("Aggregate repository")
struct AggregateRepositoryTests {
    private typealias Repository = AggregateRepository<Counter, InterruptedStore>

    private struct Refusal: Error {}

    private static func add(_ number: UInt8, to stream: String, of store: InMemoryEventStore) async throws {
        let version = try await store.read(stream, after: 0).count
        _ = try await store.append(
            [NewEvent(event: Counter.Event.added(number).encoded())],
            to: stream,
            expectedVersion: version,
            commandID: nil
        )
    }

    @Test("a command is decided on the loaded state and its events are recorded with their headers")
    func execute() async throws {
        let store = InterruptedStore()
        let repository = Repository(store: store)
        try await Self.add(5, to: "c", of: store.store)
        let outcome = try await repository.execute(on: "c", commandID: "k", headers: ["traceparent": "t"]) { counter in
            #expect(counter.version == 1)
            #expect(counter.state.sum == 5)
            return [.added(1), .added(2)]
        }
        #expect(outcome.aggregate.version == 3)
        #expect(outcome.aggregate.state.sum == 8)
        #expect(outcome.events.map(\.recording.version) == [2, 3])
        #expect(outcome.events.allSatisfy { $0.headers == ["traceparent": "t"] })
        #expect(try await repository.load("c").state.sum == 8)
        #expect(try await repository.load("c").state.recordings == outcome.aggregate.state.recordings)
        #expect(try await store.stream(ofCommand: "k") == "c")
        #expect(try await repository.load("none").version == 0)
    }

    @Test("a new aggregate is not read")
    func isNew() async throws {
        let store = InterruptedStore()
        let outcome = try await Repository(store: store).execute(on: "c", isNew: true) { counter in
            #expect(counter.version == 0)
            return [.added(1)]
        }
        #expect(outcome.aggregate.version == 1)
        #expect(store.reads == 0)
    }

    @Test("an aggregate that was thought new and is not is decided anew on what it is")
    func notNew() async throws {
        let store = InterruptedStore()
        try await Self.add(5, to: "c", of: store.store)
        var versions: [Int] = []
        let outcome = try await Repository(store: store).execute(on: "c", isNew: true) { counter in
            versions.append(counter.version)
            return [.added(1)]
        }
        #expect(versions == [0, 1])
        #expect(outcome.aggregate.state.sum == 6)
    }

    @Test("a command that meets another writer is decided anew on the new state")
    func conflict() async throws {
        let store = InterruptedStore { store, attempt in
            if attempt <= 2 { try await Self.add(100, to: "c", of: store) }
        }
        var sums: [Int] = []
        let outcome = try await Repository(store: store).execute(on: "c", commandID: "k") { counter in
            sums.append(counter.state.sum)
            return [.added(1)]
        }
        #expect(sums == [0, 100, 200])
        #expect(outcome.aggregate.version == 3)
        #expect(outcome.aggregate.state.sum == 201)
        #expect(outcome.events.count == 1)
    }

    @Test("deciding anew may refuse what was allowed before")
    func conflictThenRefusal() async throws {
        let store = InterruptedStore { store, _ in try await Self.add(100, to: "c", of: store) }
        await #expect(throws: Refusal.self) {
            _ = try await Repository(store: store).execute(on: "c", commandID: "k") { counter in
                guard counter.state.sum == 0 else { throw Refusal() }
                return [.added(1)]
            }
        }
        #expect(try await store.read("c", after: 0).count == 1)
    }

    @Test("attempts are bounded")
    func tooManyConflicts() async throws {
        let store = InterruptedStore { store, _ in try await Self.add(1, to: "c", of: store) }
        var decisions = 0
        let error = await #expect(throws: EventStoreError.self) {
            _ = try await Repository(store: store, attempts: 3).execute(on: "c") { _ in
                decisions += 1
                return [.added(1)]
            }
        }
        #expect(error?.code == .tooManyConflicts)
        #expect(decisions == 3)
        #expect(store.appends == 3)
        // What was recorded is the other writer's only.
        #expect(try await store.read("c", after: 0).count == 3)
    }

    @Test("at least one attempt is made")
    func oneAttempt() async throws {
        let outcome = try await Repository(store: InterruptedStore(), attempts: 0).execute(on: "c") { _ in [.added(1)] }
        #expect(outcome.aggregate.version == 1)
    }

    @Test("a repeated command records nothing and answers with the aggregate as it is")
    func duplicate() async throws {
        let store = InterruptedStore()
        let repository = Repository(store: store)
        _ = try await repository.execute(on: "c", commandID: "k") { _ in [.added(1)] }
        _ = try await repository.execute(on: "c", commandID: "other") { _ in [.added(10)] }
        let again = try await repository.execute(on: "c", commandID: "k") { _ in [.added(1)] }
        #expect(again.events.isEmpty)
        #expect(again.aggregate.version == 2)
        #expect(again.aggregate.state.sum == 11)
        #expect(try await store.read("c", after: 0).count == 2)
    }

    @Test("a repeated creation answers with the first aggregate, although it draws a new id")
    func duplicateCreation() async throws {
        let store = InterruptedStore()
        let repository = Repository(store: store)
        _ = try await repository.execute(on: "first", isNew: true, commandID: "k") { _ in [.added(7)] }
        let again = try await repository.execute(on: "second", isNew: true, commandID: "k") { _ in [.added(7)] }
        #expect(again.events.isEmpty)
        #expect(again.aggregate.state.sum == 7)
        #expect(again.aggregate.version == 1)
        #expect(try await store.read("second", after: 0).isEmpty)
    }

    @Test("a repeated command that the new state refuses answers with the original aggregate")
    func duplicateRefused() async throws {
        let repository = Repository(store: InterruptedStore())
        func once(_ counter: Versioned<Counter>) throws -> [Counter.Event] {
            guard counter.version == 0 else { throw Refusal() }
            return [.added(7)]
        }
        _ = try await repository.execute(on: "c", commandID: "k", decide: once)
        let again = try await repository.execute(on: "c", commandID: "k", decide: once)
        #expect(again.events.isEmpty)
        #expect(again.aggregate.state.sum == 7)
        // Another command, or none, is refused as before.
        await #expect(throws: Refusal.self) { _ = try await repository.execute(on: "c", commandID: "l", decide: once) }
        await #expect(throws: Refusal.self) { _ = try await repository.execute(on: "c", decide: once) }
    }

    @Test("a refusal passes through and records nothing")
    func refusal() async throws {
        let store = InterruptedStore()
        await #expect(throws: Refusal.self) {
            _ = try await Repository(store: store).execute(on: "c", commandID: "k") { _ in throw Refusal() }
        }
        #expect(store.appends == 0)
        #expect(try await store.stream(ofCommand: "k") == nil)
    }

    @Test("a command without events records nothing, and its key stays free")
    func noEvents() async throws {
        let store = InterruptedStore()
        let repository = Repository(store: store)
        let outcome = try await repository.execute(on: "c", commandID: "k") { _ in [] }
        #expect(outcome.aggregate.version == 0)
        #expect(outcome.events.isEmpty)
        #expect(store.appends == 0)
        let later = try await repository.execute(on: "c", commandID: "k") { _ in [.added(1)] }
        #expect(later.events.count == 1)
    }

    @Test("what the storage throws passes through and is not tried again")
    func storageError() async throws {
        let store = InterruptedStore { _, _ in throw Refusal() }
        await #expect(throws: Refusal.self) {
            _ = try await Repository(store: store).execute(on: "c") { _ in [.added(1)] }
        }
        #expect(store.appends == 1)
    }

    @Test("commands of many tasks on one aggregate are all executed once")
    func concurrency() async throws {
        let store = InterruptedStore { _, _ in await Task.yield() }
        let repository = Repository(store: store, attempts: 1_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    // Every command comes twice.
                    _ = try await repository.execute(on: "c", commandID: "\(number / 2)") { _ in [.added(1)] }
                }
            }
            try await group.waitForAll()
        }
        let counter = try await repository.load("c")
        #expect(counter.version == 100)
        #expect(counter.state.sum == 100)
        // It must have come to conflicts for this to say anything.
        #expect(store.appends > 200)
    }
}
