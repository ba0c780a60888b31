import Logging
import Postgres
import Testing

@Suite("Faults", .serialized)
struct FaultTests {
    @Test("kill -9 fails what is under way as retriable, and the pool recovers by itself")
    func killedServer() async throws {
        let server = try TestPostgresServer(start: true)
        defer { server.kill() }
        try await withPool(of: server) { pool in
            try await withThrowingTaskGroup(of: PostgresError.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await error { try await pool.query("SELECT pg_sleep", "SELECT pg_sleep(9)") }
                    }
                }
                try await eventually("the statements run") { pool.statistics.used == 4 }
                server.kill()
                for try await failure in group {
                    #expect(failure.isRetriable, "\(failure)")
                }
            }
            try await eventually("requests fail at once") {
                let start = ContinuousClock.now
                let failure = try await error { try await pool.query("SELECT one", "SELECT 1") }
                #expect(failure.isRetriable, "\(failure)")
                #expect(ContinuousClock.now - start < .seconds(1))
                return failure.code == .connectionUnavailable
            }
            #expect(try await error { try await pool.check() }.code == .connectionUnavailable)

            try server.start()
            try await eventually("the pool has recovered") { (try? await pool.check()) != nil }
            try await pool.query("SELECT one", "SELECT 1")
        }
    }

    @Test("A pool that starts before its server fails fast and connects when the server comes")
    func lateServer() async throws {
        let server = try TestPostgresServer(start: false)
        defer { server.kill() }
        let log = LogRecorder()
        try await withPool(of: server, logger: log.logger) { pool in
            try await eventually("the first attempt has failed") {
                let failure = try await error { try await pool.query("SELECT one", "SELECT 1") }
                return failure.code == .connectionUnavailable
            }
            async let available: Void = pool.waitUntilAvailable(timeout: .seconds(20))
            try server.start()
            try await available
            try await pool.query("SELECT one", "SELECT 1")
        }
        #expect(log.messages == ["PostgreSQL is unavailable; retrying in the background", "PostgreSQL is available"])
    }

    @Test("A frozen server hangs nothing beyond the deadline, and the pool recovers when it thaws")
    func frozenServer() async throws {
        let server = try TestPostgresServer(start: true)
        defer { server.kill() }
        let configure: (inout PostgresConfiguration) -> Void = {
            $0.statementTimeout = .milliseconds(300)
            $0.unresponsiveMargin = .milliseconds(200)
            $0.connectTimeout = .milliseconds(500)
            $0.acquireTimeout = .seconds(1)
        }
        try await withPool(of: server, configure: configure) { pool in
            try await pool.query("SELECT one", "SELECT 1")
            server.freeze()
            let start = ContinuousClock.now
            let failure = try await error { try await pool.query("SELECT one", "SELECT 1") }
            #expect(failure.code == .timeout)
            #expect(failure.sqlState == nil)
            #expect(ContinuousClock.now - start >= .milliseconds(499))
            #expect(ContinuousClock.now - start < .seconds(2))
            let second = try await error { try await pool.query("SELECT one", "SELECT 1") }
            #expect(second.isRetriable, "\(second)")
            #expect(ContinuousClock.now - start < .seconds(4))
            server.thaw()
            try await eventually("the pool has recovered") { (try? await pool.check()) != nil }
        }
    }

    @Test("An idle connection that the server ends is replaced before anybody needs it")
    func endedWhileIdle() async throws {
        let server = try TestPostgresServer(start: true)
        defer { server.kill() }
        try await withPool(of: server) { administrator in
            try await withPool(of: server, configure: { $0.applicationName = "victim" }) { pool in
                let before = try await session(pool)
                let ended = try await administrator.query(
                    "SELECT pg_terminate_backend",
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'"
                )
                #expect(ended.count == 1)
                try await eventually("another connection is open") {
                    let after = try? await session(pool)
                    return after != nil && after != before
                }
            }
        }
    }

    private func session(_ pool: PostgresPool) async throws -> Int? {
        try await pool.query("SELECT pg_backend_pid", "SELECT pg_backend_pid() AS pid").first?.decode(Int.self, "pid")
    }

    @Test("A connection that ends during COMMIT leaves the outcome unknown", arguments: [true, false])
    func unknownCommit(killsServer: Bool) async throws {
        let server = try TestPostgresServer(start: true)
        defer { server.kill() }
        try await withPool(of: server) { administrator in
            try await administrator.query("CREATE TABLE slow", "CREATE TABLE slow (id int8)")
            try await administrator.query(
                "CREATE FUNCTION",
                """
                CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_sleep(8); RETURN NULL; END $$
                """
            )
            try await administrator.query(
                "CREATE TRIGGER",
                """
                CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION dawdle()
                """
            )
            let observer = RecordingObserver()
            try await withPool(of: server, observer: observer) { pool in
                let task = Task {
                    try await pool.withTransaction { transaction in
                        try await transaction.query("INSERT slow", "INSERT INTO slow VALUES (1)")
                    }
                }
                try await eventually("COMMIT runs") {
                    let rows = try await administrator.query(
                        "SELECT pg_stat_activity",
                        "SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'PgSleep'"
                    )
                    return rows.count == 1
                }
                // Cancellation does not interrupt it.
                task.cancel()
                if killsServer {
                    server.kill()
                } else {
                    try await administrator.query(
                        "SELECT pg_terminate_backend",
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'COMMIT'"
                    )
                }
                let failure = try await error { try await task.value }
                #expect(failure.code == .commitOutcomeUnknown, "\(failure)")
                #expect(!failure.isRetriable)
            }
            #expect(observer.entries.map(\.operation.summary) == ["INSERT slow", "COMMIT"])
        }
    }

    @Test("A refused role is an unavailable connection with the server's reason")
    func refusedRole() async throws {
        let server = try TestPostgresServer.shared.get()
        try await withPool(of: server, configure: { $0.user = "nobody_knows_me" }) { pool in
            let failure = try await error { try await pool.query("SELECT one", "SELECT 1") }
            #expect(failure.code == .connectionUnavailable)
            #expect("\(failure)".contains("role \"nobody_knows_me\" does not exist"))
        }
    }
}
