import Postgres
import PostgresEventStore
import TestKit
import Testing

@Suite("Inbox", .postgres)
struct InboxTests {
    private struct Rollback: Error {}

    private func claim(_ event: String, for consumer: String = "mailer", in pool: PostgresPool) async throws -> Bool {
        try await pool.withTransaction { try await Inbox.claim(event, for: consumer, in: $0) }
    }

    @Test("an event is new once for each consumer")
    func once() async throws {
        try await TestDatabase().withPool { pool async throws in
            #expect(try await claim("e", in: pool))
            #expect(try await !claim("e", in: pool))
            #expect(try await claim("e", for: "other", in: pool))
            #expect(try await claim("f", in: pool))
        }
    }

    @Test("a claim that is rolled back is as if it had not been")
    func rolledBack() async throws {
        try await TestDatabase().withPool { pool async throws in
            await #expect(throws: Rollback.self) {
                try await pool.withTransaction { transaction in
                    #expect(try await Inbox.claim("e", for: "mailer", in: transaction))
                    throw Rollback()
                }
            }
            #expect(try await claim("e", in: pool))
        }
    }

    @Test("a second worker waits for the first and then learns what became of it", arguments: [true, false])
    func concurrent(commits: Bool) async throws {
        try await TestDatabase().withPool { pool async throws in
            try await withThrowingTaskGroup(of: Bool.self) { group async throws in
                let first = try? await pool.withTransaction { transaction in
                    #expect(try await Inbox.claim("e", for: "mailer", in: transaction))
                    group.addTask { try await claim("e", in: pool) }
                    // The second worker is there and waits.
                    let waits = try await eventually {
                        try await pool.count(
                            """
                            SELECT count(*) FROM pg_stat_activity
                            WHERE datname = current_database() AND wait_event_type = 'Lock'
                            """
                        ) == 1
                    }
                    #expect(waits)
                    if !commits { throw Rollback() }
                    return true
                }
                #expect((first != nil) == commits)
                #expect(try await group.next() == !commits)
            }
            #expect(try await pool.count("SELECT count(*) FROM inbox") == 1)
        }
    }

    @Test("of many workers with one event, one does the work")
    func manyWorkers() async throws {
        try await TestDatabase().withPool { pool async throws in
            let claimed = try await withThrowingTaskGroup(of: Bool.self) { group async throws in
                for worker in 0..<64 { group.addTask { try await claim("event \(worker % 4)", in: pool) } }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(claimed == 4)
        }
    }

    @Test("old events are forgotten, and only they")
    func forget() async throws {
        try await TestDatabase().withPool { pool async throws in
            for event in ["old", "older", "young"] { #expect(try await claim(event, in: pool)) }
            try await pool.query(
                "UPDATE inbox",
                """
                UPDATE inbox SET handled_at = now() - CASE event_id
                    WHEN 'older' THEN interval '30 days' WHEN 'old' THEN interval '7 days 1 minute'
                    ELSE interval '6 days 23 hours' END
                """
            )
            #expect(try await Inbox.forget(olderThanDays: 7, in: pool) == 2)
            #expect(try await Inbox.forget(olderThanDays: 7, in: pool) == 0)
            #expect(try await !claim("young", in: pool))
            #expect(try await claim("old", in: pool))
        }
    }
}
