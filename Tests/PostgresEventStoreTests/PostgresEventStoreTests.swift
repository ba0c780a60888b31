import EventSourcing
import Foundation
import Postgres
import PostgresEventStore
import Synchronization
import Testing

@Suite("PostgreSQL event store", .postgres)
struct PostgresEventStoreTests {
    private struct Rollback: Error {}

    private func events(_ count: Int) -> [NewEvent] {
        (0..<count).map {
            NewEvent(
                event: EncodedEvent(type: "thing.happened", schemaVersion: 2, payload: [UInt8($0)]),
                headers: ["traceparent": "t\($0)"]
            )
        }
    }

    @Test("every event is queued for the relay in the statement that records it")
    func queued() async throws {
        try await TestDatabase().withPool { pool in
            let events = events(3)
            let recorded = try await PostgresEventStore(pool: pool)
                .append(events, to: "s", expectedVersion: 0, commandID: "k")
            let rows = try await pool.query(
                "SELECT outbox",
                """
                SELECT outbox.id, outbox.version, outbox.aggregate_id, outbox.payload, outbox.schema_version,
                       outbox.headers = events.headers AND outbox.recorded_at = events.recorded_at
                           AND outbox.type = events.type AND events.version = outbox.version AS is_same,
                       outbox.xmin = events.xmin AS is_one_transaction
                FROM outbox JOIN events USING (id) ORDER BY outbox.position
                """
            )
            #expect(try rows.map { try $0.decode(UUID.self, "id") } == events.map(\.id))
            #expect(try rows.map { try $0.decode(Int.self, "version") } == [1, 2, 3])
            #expect(try rows.map { try $0.decode([UInt8].self, "payload") } == recorded.map(\.event.payload))
            #expect(try rows.allSatisfy { try $0.decode(String.self, "aggregate_id") == "s" })
            #expect(try rows.allSatisfy { try $0.decode(Int.self, "schema_version") == 2 })
            #expect(try rows.allSatisfy { try $0.decode(Bool.self, "is_same") })
            #expect(try rows.allSatisfy { try $0.decode(Bool.self, "is_one_transaction") })
        }
    }

    @Test("what is refused leaves neither events nor outbox rows")
    func refused() async throws {
        try await TestDatabase().withPool { pool in
            let store = PostgresEventStore(pool: pool)
            _ = try await store.append(events(1), to: "s", expectedVersion: 0, commandID: "k")
            await #expect(throws: EventStoreError.self) {
                _ = try await store.append(events(2), to: "s", expectedVersion: 0, commandID: nil)
            }
            await #expect(throws: EventStoreError.self) {
                _ = try await store.append(events(2), to: "s", expectedVersion: 1, commandID: "k")
            }
            #expect(try await pool.count("SELECT count(*) FROM events") == 1)
            #expect(try await pool.count("SELECT count(*) FROM outbox") == 1)
        }
    }

    @Test("an event that cannot be queued is not recorded either")
    func outboxConflict() async throws {
        try await TestDatabase().withPool { pool in
            let events = events(2)
            try await pool.withTransaction { transaction in
                try await Outbox.add(events[1], aggregateID: "other", version: 1, in: transaction)
            }
            await #expect(throws: EventStoreError.self) {
                _ = try await PostgresEventStore(pool: pool).append(events, to: "s", expectedVersion: 0, commandID: nil)
            }
            #expect(try await pool.count("SELECT count(*) FROM events") == 0)
            #expect(try await pool.count("SELECT count(*) FROM outbox") == 1)
        }
    }

    @Test("the relay is told of each commit and of nothing else")
    func onAppend() async throws {
        try await TestDatabase().withPool { pool in
            let counter = Calls()
            let store = PostgresEventStore(pool: pool) { _ in counter.increment() }
            _ = try await store.append(events(2), to: "s", expectedVersion: 0, commandID: nil)
            #expect(counter.value == 1)
            await #expect(throws: EventStoreError.self) {
                _ = try await store.append(events(2), to: "s", expectedVersion: 0, commandID: nil)
            }
            _ = try await store.read("s", after: 0)
            #expect(counter.value == 1)
        }
    }

    private final class Calls: Sendable {
        private let count = Atomic(0)

        var value: Int { count.load(ordering: .relaxed) }

        func increment() { count.add(1, ordering: .relaxed) }
    }

    @Test("what is queued in a transaction is there when it commits, and not when it rolls back")
    func outbox() async throws {
        try await TestDatabase().withPool { pool in
            let events = events(2)
            try await pool.withTransaction { transaction in
                try await Outbox.add(events[0], aggregateID: "user-1", version: 1, in: transaction)
                #expect(try await pool.count("SELECT count(*) FROM outbox") == 0)
            }
            await #expect(throws: Rollback.self) {
                try await pool.withTransaction { transaction in
                    try await Outbox.add(events[1], aggregateID: "user-1", version: 2, in: transaction)
                    throw Rollback()
                }
            }
            let rows = try await pool.query("SELECT outbox", "SELECT id, version, headers::text AS headers FROM outbox")
            #expect(rows.count == 1)
            #expect(try rows.first?.decode(UUID.self, "id") == events[0].id)
            #expect(try rows.first?.decode(Int.self, "version") == 1)
            #expect(try rows.first?.decode(String.self, "headers") == #"{"traceparent": "t0"}"#)
        }
    }
}
