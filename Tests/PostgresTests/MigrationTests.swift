import Postgres
import Testing

@Suite("Migrations")
struct MigrationTests {
    private static let first = PostgresMigration(
        version: 1,
        name: "users",
        sql: "CREATE TABLE users (id int8); CREATE INDEX users_id ON users (id); -- done"
    )
    private static let second = PostgresMigration(version: 2, name: "names", sql: "ALTER TABLE users ADD name text")

    @Test("All steps run on a fresh database, and none the second time")
    func freshAndRepeated() async throws {
        try await withPool { pool in
            let migrator = PostgresMigrator([Self.first, Self.second])
            #expect(try await migrator.run(on: pool) == [1, 2])
            #expect(try await migrator.run(on: pool) == [])
            try await pool.query("SELECT users", "SELECT id, name FROM users")
        }
    }

    @Test("A new step runs on a database that has the older ones")
    func newStep() async throws {
        try await withPool { pool in
            let older = try await PostgresMigrator([Self.first]).run(on: pool)
            let newer = try await PostgresMigrator([Self.first, Self.second]).run(on: pool)
            #expect(older == [1])
            #expect(newer == [2])
        }
    }

    @Test("Of four processes that migrate at once each step is run by one")
    func concurrent() async throws {
        try await withPool { pool in
            let versions = try await withThrowingTaskGroup(of: [Int].self) { group in
                for _ in 0..<4 {
                    group.addTask { try await PostgresMigrator([Self.first, Self.second]).run(on: pool) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(versions.sorted() == [1, 2])
        }
    }

    @Test("An edited step is refused")
    func edited() async throws {
        try await withPool { pool in
            try await PostgresMigrator([Self.first]).run(on: pool)
            let edited = PostgresMigration(version: 1, name: "users", sql: "CREATE TABLE users (id int4)")
            let failure = try await error { try await PostgresMigrator([edited]).run(on: pool) }
            #expect(failure.code == .migration)
            #expect(failure.message.contains("migration 1 (users) was edited"))
        }
    }

    @Test("A database that is newer than the program is refused")
    func newerDatabase() async throws {
        try await withPool { pool in
            try await PostgresMigrator([Self.first, Self.second]).run(on: pool)
            let failure = try await error { try await PostgresMigrator([Self.first]).run(on: pool) }
            #expect(failure.code == .migration)
            #expect(failure.message.contains("migration 2"))
        }
    }

    @Test("A failing step leaves nothing behind and gives the lock back")
    func failing() async throws {
        try await withPool { pool in
            let broken = PostgresMigration(
                version: 2,
                name: "broken",
                sql: "CREATE TABLE half (id int8); SELECT * FROM no"
            )
            let failure = try await error { try await PostgresMigrator([Self.first, broken]).run(on: pool) }
            #expect(failure.sqlState == .undefinedTable)
            #expect(try await PostgresMigrator([Self.first, Self.second]).run(on: pool) == [2])
            #expect(
                try await error { try await pool.query("SELECT half", "SELECT * FROM half") }.sqlState
                    == .undefinedTable
            )
        }
    }

    @Test("Versions that do not ascend are refused")
    func order() async throws {
        try await withPool { pool in
            let failure = try await error { try await PostgresMigrator([Self.second, Self.first]).run(on: pool) }
            #expect(failure.code == .migration)
        }
    }
}
