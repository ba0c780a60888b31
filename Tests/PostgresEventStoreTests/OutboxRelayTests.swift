import EventSourcing
import Foundation
import Postgres
import PostgresEventStore
import Synchronization
import TestKit
import Testing

@Suite("Outbox relay", .postgres)
struct OutboxRelayTests {
    private func events(_ count: Int) -> [NewEvent] {
        (0..<count).map { number in
            NewEvent(
                event: EncodedEvent(type: "thing.happened", schemaVersion: 3, payload: Array("\(number)".utf8)),
                headers: ["traceparent": "t\(number)"]
            )
        }
    }

    private func relay(
        on pool: PostgresPool,
        _ publisher: ScriptedPublisher,
        as name: String = "relay",
        change: (inout OutboxRelay.Configuration) -> Void = { _ in }
    ) -> OutboxRelay {
        var configuration = OutboxRelay.Configuration()
        configuration.pollInterval = .milliseconds(20)
        configuration.retryDelay = { _ in .milliseconds(30) }
        change(&configuration)
        return OutboxRelay(
            pool: pool,
            configuration: configuration,
            logger: .none,
            publish: publisher.publish(as: name)
        )
    }

    /// Runs a relay while a body works, and stops it as a service does.
    private func running<T: Sendable>(_ relay: OutboxRelay, _ body: () async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await relay.run() }
            let result: Result<T, any Error>
            do {
                result = .success(try await body())
            } catch {
                result = .failure(error)
            }
            relay.beginShutdown()
            try await group.waitForAll()
            return try result.get()
        }
    }

    private func outbox(_ pool: PostgresPool) async throws -> Int {
        try await pool.count("SELECT count(*) FROM outbox")
    }

    @Test("every event is published as it was recorded, and deleted")
    func publishes() async throws {
        try await TestDatabase().withPool { pool in
            let store = PostgresEventStore(pool: pool)
            let recorded = try await store.append(events(3), to: "s", expectedVersion: 0, commandID: nil)
            let messages = Messages()
            let publisher = ScriptedPublisher { messages.add($0) }
            let relay = relay(on: pool, publisher)
            #expect(!relay.isActive)
            try await running(relay) { () async throws in
                #expect(try await eventually { try await outbox(pool) == 0 })
                #expect(relay.isActive)
                // One that is written while the relay runs.
                _ = try await store.append(events(1), to: "other", expectedVersion: 0, commandID: nil)
                #expect(try await eventually { try await outbox(pool) == 0 })
            }
            #expect(!relay.isActive)
            #expect(messages.all.map(\.id).prefix(3) == recorded.map(\.id)[...])
            #expect(messages.all.map(\.event).prefix(3) == recorded.map(\.event)[...])
            #expect(messages.all.map(\.headers).prefix(3) == recorded.map(\.headers)[...])
            #expect(messages.all.map(\.recordedAt).prefix(3) == recorded.map(\.recording.recordedAt)[...])
            #expect(messages.all.map(\.version) == [1, 2, 3, 1])
            #expect(messages.all.allSatisfy { $0.attempts == 0 })
            // The log of events is not touched.
            #expect(try await store.read("s", after: 0) == recorded)
        }
    }

    private final class Messages: Sendable {
        private let state = Mutex<[OutboxMessage]>([])

        var all: [OutboxMessage] { state.withLock { $0 } }

        func add(_ message: OutboxMessage) { state.withLock { $0.append(message) } }
    }

    @Test("an event is deleted only after it was acknowledged")
    func deletesAfterAcknowledgement() async throws {
        try await TestDatabase().withPool { pool in
            let publisher = ScriptedPublisher()
            publisher.hold()
            _ = try await PostgresEventStore(pool: pool).append(events(2), to: "s", expectedVersion: 0, commandID: nil)
            try await running(relay(on: pool, publisher)) { () async throws in
                #expect(await eventually { publisher.held == 1 })
                #expect(try await outbox(pool) == 2)
                publisher.release()
                #expect(try await eventually { try await outbox(pool) == 0 })
            }
            #expect(publisher.accepted.count == 2)
        }
    }

    @Test("an event that fails holds back its aggregate only, and is tried again")
    func failing() async throws {
        try await TestDatabase().withPool { pool in
            let store = PostgresEventStore(pool: pool)
            for stream in ["bad", "good", "also good"] {
                _ = try await store.append(events(4), to: stream, expectedVersion: 0, commandID: nil)
            }
            let publisher = ScriptedPublisher { message in
                if message.aggregateID == "bad", message.version == 2, message.attempts < 2 {
                    throw ScriptedPublisher.Failure()
                }
            }
            let isPatient = relay(on: pool, publisher) { $0.retryDelay = { _ in .milliseconds(300) } }
            try await running(isPatient) { () async throws in
                #expect(await eventually { publisher.accepted.count == 9 })
                // The others have passed; the failed event has its reason noted and its successors wait.
                #expect(publisher.versions(of: "bad") == [1])
                #expect(publisher.versions(of: "good") == [1, 2, 3, 4])
                #expect(
                    try await pool.count(
                        "SELECT count(*) FROM outbox WHERE attempts = 1 AND last_error LIKE '%Failure%' AND version = 2"
                    ) == 1
                )
                #expect(try await outbox(pool) == 3)
                #expect(try await eventually { try await outbox(pool) == 0 })
            }
            #expect(publisher.versions(of: "bad") == [1, 2, 3, 4])
            #expect(publisher.refused.map(\.attempts) == [0, 1])
            #expect(publisher.accepted.count == 12)
        }
    }

    @Test("order within every aggregate is kept under many failures")
    func order() async throws {
        try await TestDatabase().withPool { pool in
            let store = PostgresEventStore(pool: pool)
            let streams = (0..<40).map { "s\($0)" }
            let draws = Mutex(SeededGenerator(seed: 1))
            let publisher = ScriptedPublisher { _ in
                await Task.yield()
                if draws.withLock({ Int.random(in: 0..<4, using: &$0) }) == 0 { throw ScriptedPublisher.Failure() }
            }
            // Delays as short as a round, so that events become due while the relay looks.
            let relay = relay(on: pool, publisher) {
                $0.batchSize = 64
                $0.pollInterval = .milliseconds(1)
                $0.retryDelay = { _ in .microseconds(500) }
            }
            try await running(relay) { () async throws in
                for version in 0..<10 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for stream in streams {
                            group.addTask {
                                _ = try await store.append(
                                    self.events(2),
                                    to: stream,
                                    expectedVersion: version * 2,
                                    commandID: nil
                                )
                            }
                        }
                        try await group.waitForAll()
                    }
                }
                #expect(try await eventually { try await outbox(pool) == 0 })
            }
            for stream in streams { #expect(publisher.versions(of: stream) == Array(1...20)) }
            #expect(publisher.refused.count > 100)
        }
    }

    @Test("aggregates are published at the same time, up to the limit, and events of one after one another")
    func concurrency() async throws {
        try await TestDatabase().withPool { pool in
            let store = PostgresEventStore(pool: pool)
            for number in 0..<10 {
                _ = try await store.append(events(3), to: "s\(number)", expectedVersion: 0, commandID: nil)
            }
            let publisher = ScriptedPublisher()
            publisher.hold()
            try await running(relay(on: pool, publisher) { $0.concurrency = 4 }) { () async throws in
                #expect(await eventually { publisher.held == 4 })
                publisher.release()
                #expect(try await eventually { try await outbox(pool) == 0 })
            }
            #expect(publisher.mostRunning == 4)
            #expect(publisher.accepted.count == 30)
        }
    }

    @Test("two relays of a database never publish at the same time, and the second takes over from the first")
    func takesOver() async throws {
        try await TestDatabase().withPool { pool in
            let store = PostgresEventStore(pool: pool)
            let publisher = ScriptedPublisher { _ in try await Task.sleep(for: .milliseconds(1)) }
            let first = relay(on: pool, publisher, as: "first")
            let second = relay(on: pool, publisher, as: "second")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await first.run() }
                #expect(await eventually { first.isActive })
                group.addTask { try await second.run() }
                for version in 0..<20 {
                    _ = try await store.append(events(1), to: "s", expectedVersion: version, commandID: nil)
                    second.nudge()
                }
                #expect(try await eventually { try await outbox(pool) == 0 })
                #expect(!second.isActive)
                #expect(publisher.accepted.allSatisfy { $0.publisher == "first" })

                _ = try await store.append(events(5), to: "s", expectedVersion: 20, commandID: nil)
                first.beginShutdown()
                #expect(await eventually { second.isActive })
                #expect(!first.isActive)
                _ = try await store.append(events(5), to: "s", expectedVersion: 25, commandID: nil)
                #expect(try await eventually { try await outbox(pool) == 0 })
                second.beginShutdown()
                try await group.waitForAll()
            }
            #expect(publisher.overlaps == 0)
            #expect(publisher.versions(of: "s") == Array(1...30))
            #expect(Set(publisher.accepted.map(\.publisher)) == ["first", "second"])
        }
    }

    @Test("the second relay takes over when the first one's session is killed, which then cannot delete any more")
    func sessionKilled() async throws {
        let database = try await TestDatabase()
        try await database.withPool(name: "first") { firstPool in
            try await database.withPool(name: "second") { secondPool in
                let store = PostgresEventStore(pool: secondPool)
                let publisher = ScriptedPublisher()
                let stuck = ScriptedPublisher()
                let first = relay(on: firstPool, stuck, as: "first")
                let second = relay(on: secondPool, publisher, as: "second")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await first.run() }
                    #expect(await eventually { first.isActive })
                    group.addTask { try await second.run() }
                    stuck.hold()
                    _ = try await store.append(events(2), to: "s", expectedVersion: 0, commandID: nil)
                    #expect(await eventually { stuck.held == 1 })
                    #expect(try await database.terminateSessions(of: "first") >= 1)
                    #expect(await eventually { second.isActive })
                    #expect(try await eventually { try await outbox(secondPool) == 0 })
                    #expect(publisher.versions(of: "s") == [1, 2])
                    // The first goes on, is told that its session is gone, and waits for its turn.
                    publisher.hold()
                    _ = try await store.append(events(1), to: "s", expectedVersion: 2, commandID: nil)
                    #expect(await eventually { publisher.held == 1 })
                    stuck.release()
                    #expect(await eventually { !first.isActive && stuck.accepted.count == 2 })
                    #expect(try await outbox(secondPool) == 1)
                    publisher.release()
                    #expect(try await eventually { try await outbox(secondPool) == 0 })
                    second.beginShutdown()
                    #expect(await eventually { first.isActive })
                    first.beginShutdown()
                    try await group.waitForAll()
                }
                #expect(publisher.versions(of: "s") == [1, 2, 3])
            }
        }
    }

    @Test("a relay that fails without losing its session gives the lock back")
    func failsWithItsSession() async throws {
        let database = try await TestDatabase()
        try await database.withPool { firstPool in
            let publisher = ScriptedPublisher()
            let first = relay(on: firstPool, publisher, as: "first")
            try await running(first) {
                #expect(await eventually { first.isActive })
                // Its next statement fails; the connection stays.
                try await firstPool.query("ALTER TABLE", "ALTER TABLE outbox RENAME TO away")
                #expect(await eventually { !first.isActive })
                try await firstPool.query("ALTER TABLE", "ALTER TABLE away RENAME TO outbox")
                #expect(await eventually { first.isActive })
                _ = try await PostgresEventStore(pool: firstPool)
                    .append(events(1), to: "s", expectedVersion: 0, commandID: nil)
                #expect(try await eventually { try await outbox(firstPool) == 0 })
            }
            // No session of the first pool, which is still open, holds the lock.
            try await database.withPool { secondPool in
                let second = relay(on: secondPool, publisher, as: "second")
                try await running(second) { () async throws in #expect(await eventually { second.isActive }) }
            }
        }
    }

    @Test("a shutdown finishes the round")
    func shutdown() async throws {
        try await TestDatabase().withPool { pool in
            let store = PostgresEventStore(pool: pool)
            let publisher = ScriptedPublisher()
            publisher.hold()
            let relay = relay(on: pool, publisher)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await relay.run() }
                _ = try await store.append(events(3), to: "s", expectedVersion: 0, commandID: nil)
                #expect(await eventually { publisher.held == 1 })
                relay.beginShutdown()
                relay.beginShutdown()
                #expect(relay.isActive)
                // What is committed now is looked at once more.
                _ = try await store.append(events(2), to: "t", expectedVersion: 0, commandID: nil)
                publisher.release()
                try await group.waitForAll()
            }
            #expect(publisher.versions(of: "s") == [1, 2, 3])
            #expect(publisher.versions(of: "t") == [1, 2])
            #expect(try await outbox(pool) == 0)
            #expect(!relay.isActive)
            // A relay that was stopped does not start again.
            try await relay.run()
        }
    }

    @Test("cancellation ends the relay, and the next one has the lock")
    func cancellation() async throws {
        try await TestDatabase().withPool { pool in
            let publisher = ScriptedPublisher()
            try await withThrowingTaskGroup(of: Void.self) { group in
                let first = relay(on: pool, publisher)
                group.addTask { try await first.run() }
                #expect(await eventually { first.isActive })
                group.cancelAll()
                try await group.waitForAll()
                #expect(!first.isActive)
            }
            let next = relay(on: pool, publisher)
            try await running(next) { () async throws in #expect(await eventually { next.isActive }) }
        }
    }

    @Test("a nudge is faster than the poll")
    func nudge() async throws {
        try await TestDatabase().withPool { pool in
            let publisher = ScriptedPublisher()
            let relay = relay(on: pool, publisher) { $0.pollInterval = .seconds(3600) }
            let store = PostgresEventStore(pool: pool) { _ in relay.nudge() }
            try await running(relay) { () async throws in
                #expect(await eventually { relay.isActive })
                for version in 0..<20 {
                    _ = try await store.append(events(1), to: "s", expectedVersion: version, commandID: nil)
                    #expect(try await eventually { try await outbox(pool) == 0 })
                }
            }
            #expect(publisher.versions(of: "s") == Array(1...20))
        }
    }

    @Test("the backlog tells how much waits and since when")
    func backlog() async throws {
        try await TestDatabase().withPool { pool in
            let store = PostgresEventStore(pool: pool)
            let recorded = try await store.append(events(3), to: "s", expectedVersion: 0, commandID: nil)
            let oldest = try #require(recorded.first).recording.recordedAt
            let publisher = ScriptedPublisher { message in
                if message.attempts < 3 { throw ScriptedPublisher.Failure() }
            }
            let relay = relay(on: pool, publisher) { $0.retryDelay = { _ in .milliseconds(700) } }
            #expect(relay.backlog == OutboxBacklog())
            try await running(relay) { () async throws in
                #expect(await eventually { relay.backlog.depth == 3 })
                #expect(relay.backlog.oldest == oldest)
                #expect(await eventually { relay.backlog.depth == 0 && relay.backlog.oldest == nil })
                #expect(relay.backlog.queued == 3)
            }
            #expect(publisher.accepted.count == 3)
        }
    }
}
