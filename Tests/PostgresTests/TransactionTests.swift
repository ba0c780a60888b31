import Postgres
import Testing

@Suite("Transactions")
struct TransactionTests {
    private struct Failure: Error {}

    private func withTable(_ body: (PostgresPool) async throws -> Void) async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE notes", "CREATE TABLE notes (note text PRIMARY KEY)")
            try await body(pool)
        }
    }

    private func count(_ pool: PostgresPool) async throws -> Int {
        let rows = try await pool.query("SELECT notes", "SELECT count(*) AS count FROM notes")
        return try #require(try rows.first?.decode(Int.self, "count"))
    }

    @Test("What the body wrote is committed when it returns, and not seen before")
    func commit() async throws {
        try await withTable { pool in
            let value = try await pool.withTransaction { transaction in
                try await transaction.query("INSERT notes", "INSERT INTO notes VALUES ('a')")
                #expect(try await count(pool) == 0)
                return 7
            }
            #expect(value == 7)
            #expect(try await count(pool) == 1)
        }
    }

    @Test("Nothing may follow an explicit commit")
    func explicitCommit() async throws {
        try await withTable { pool in
            try await pool.withTransaction { transaction in
                try await transaction.query("INSERT notes", "INSERT INTO notes VALUES ('a')")
                try await transaction.commit()
                let failure = try await error { try await transaction.query("SELECT one", "SELECT 1") }
                #expect(failure.code == .invalidUsage)
                #expect(try await error { try await transaction.commit() }.code == .invalidUsage)
            }
            #expect(try await count(pool) == 1)
        }
    }

    @Test("A throwing body rolls back, and the connection stays")
    func rollbackOnThrow() async throws {
        try await withTable { pool in
            await #expect(throws: Failure.self) {
                try await pool.withTransaction { transaction in
                    try await transaction.query("INSERT notes", "INSERT INTO notes VALUES ('a')")
                    throw Failure()
                }
            }
            let remaining = try await count(pool)
            #expect(remaining == 0)
            #expect(pool.statistics.idle == 1)
        }
    }

    @Test("Cancellation rolls back, within a statement and between statements", arguments: [true, false])
    func rollbackOnCancel(withinStatement: Bool) async throws {
        try await withTable { pool in
            let (inserted, continuation) = AsyncStream<Void>.makeStream()
            await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await pool.withTransaction { transaction in
                        try await transaction.query("INSERT notes", "INSERT INTO notes VALUES ('a')")
                        continuation.yield()
                        if withinStatement {
                            try await transaction.query("SELECT pg_sleep", "SELECT pg_sleep(9)")
                        } else {
                            try? await Task.sleep(for: .seconds(9))
                        }
                    }
                }
                for await _ in inserted { break }
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.waitForAll() }
            }
            try await eventually("the key is free again") {
                let rows = try? await pool.query("INSERT notes", "INSERT INTO notes VALUES ('a')")
                return rows?.affectedRows == 1
            }
            #expect(try await count(pool) == 1)
        }
    }

    @Test("A swallowed statement error does not pass for a commit")
    func swallowedError() async throws {
        try await withTable { pool in
            let failure = try await error {
                try await pool.withTransaction { transaction in
                    try await transaction.query("INSERT notes", "INSERT INTO notes VALUES ('a')")
                    _ = try? await transaction.query("SELECT nothing", "SELECT * FROM nothing")
                }
            }
            #expect(failure.code == .transactionRolledBack)
            #expect(try await count(pool) == 0)
        }
    }

    @Test("An empty transaction sends nothing")
    func empty() async throws {
        let observer = RecordingObserver()
        try await withPool(observer: observer) { pool in
            try await pool.withTransaction { try await $0.commit() }
            try await pool.withTransaction { _ in }
        }
        #expect(observer.entries.isEmpty)
    }

    @Test("The isolation level is the asked one")
    func isolationLevel() async throws {
        try await withTable { pool in
            for level in [PostgresIsolationLevel.readCommitted, .repeatableRead, .serializable] {
                let name = try await pool.withTransaction(level: level) { transaction in
                    let rows = try await transaction.query("SHOW", "SHOW transaction_isolation")
                    return try rows.first?.decode(String.self, "transaction_isolation")
                }
                #expect(name == level.rawValue.lowercased())
            }
        }
    }

    @Test("A refused deferred constraint is an error of COMMIT, not an unknown outcome")
    func deferredConstraint() async throws {
        try await withTable { pool in
            try await pool.query(
                "CREATE TABLE links",
                "CREATE TABLE links (note text REFERENCES notes DEFERRABLE INITIALLY DEFERRED)"
            )
            let failure = try await error {
                try await pool.withTransaction { transaction in
                    try await transaction.query("INSERT links", "INSERT INTO links VALUES ('missing')")
                }
            }
            #expect(failure.code == .server)
            #expect(failure.sqlState == .foreignKeyViolation)
        }
    }

    @Test("Transactions that cannot be serialized are retriable")
    func serializationFailure() async throws {
        try await withTable { pool in
            try await pool.query("INSERT notes", "INSERT INTO notes VALUES ('a')")
            let failure = try await error {
                try await pool.withTransaction(level: .repeatableRead) { transaction in
                    try await transaction.query("SELECT notes", "SELECT * FROM notes")
                    try await pool.query("UPDATE notes", "UPDATE notes SET note = 'b'")
                    try await transaction.query("UPDATE notes", "UPDATE notes SET note = 'c'")
                }
            }
            #expect(failure.sqlState == .serializationFailure)
            #expect(failure.isRetriable)
        }
    }

    @Test("Statements that overlap on one connection are refused, and the transaction survives")
    func overlapping() async throws {
        try await withTable { pool in
            try await pool.withTransaction { transaction in
                try await transaction.query("INSERT notes", "INSERT INTO notes VALUES ('a')")
                async let slow = transaction.query("SELECT pg_sleep", "SELECT pg_sleep(0.3)")
                async let second = transaction.query("SELECT pg_sleep", "SELECT pg_sleep(0.3)")
                let results = [try? await slow, try? await second]
                #expect(results.compactMap(\.self).count == 1)
            }
            #expect(try await count(pool) == 1)
        }
    }
}
