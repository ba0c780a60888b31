import Postgres
import Synchronization
import TestKit
import Testing

@Suite("Pool")
struct PoolTests {
    /// Counts who is inside at once.
    private final class Gauge: Sendable {
        private let state = Mutex((now: 0, highest: 0))

        var highest: Int { state.withLock(\.highest) }

        func enter() {
            state.withLock { state in
                state.now += 1
                state.highest = max(state.highest, state.now)
            }
        }

        func leave() {
            state.withLock { $0.now -= 1 }
        }
    }

    @Test("200 tasks share no more connections than the limit, and all succeed")
    func limit() async throws {
        try await withPool(configure: { $0.maximumConnections = 5 }) { pool in
            let gauge = Gauge()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await pool.withConnection { connection in
                            gauge.enter()
                            try await eventually("the pool has grown to its limit") { gauge.highest >= 5 }
                            let rows = try await connection.query("SELECT number", "SELECT \(number) AS number")
                            #expect(try rows.first?.decode(Int.self, "number") == number)
                            gauge.leave()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(gauge.highest == 5)
            #expect(pool.statistics.used == 0)
            #expect(pool.statistics.idle == 5)
            let sessions = try await pool.query(
                "SELECT pg_stat_activity",
                "SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database()"
            )
            #expect(try sessions.first?.decode(Int.self, "count") == 5)
        }
    }

    @Test("A task that waits too long for a connection is refused, and the next one is not")
    func acquireTimeout() async throws {
        let observer = RecordingObserver()
        let configure: (inout PostgresConfiguration) -> Void = {
            $0.maximumConnections = 1
            $0.acquireTimeout = .milliseconds(100)
        }
        try await withPool(observer: observer, configure: configure) { pool in
            try await pool.waitUntilAvailable(timeout: .seconds(10))
            try await pool.withConnection { _ in
                let start = ContinuousClock.now
                let failure = try await error { try await pool.query("SELECT one", "SELECT 1") }
                #expect(failure.code == .poolExhausted)
                #expect(failure.isRetriable)
                #expect(ContinuousClock.now - start >= .milliseconds(99))
                #expect(ContinuousClock.now - start < .seconds(3))
                #expect(pool.statistics.pending == 0)
            }
            try await pool.query("SELECT one", "SELECT 1")
        }
        #expect(observer.refusals.map(\.code) == [.poolExhausted])
    }

    @Test("A cancelled statement returns promptly, its session ends, and the pool stays usable")
    func cancelledStatement() async throws {
        try await withPool(configure: { $0.maximumConnections = 2 }) { pool in
            let task = Task { try await pool.query("SELECT pg_sleep", "SELECT pg_sleep(60)") }
            try await eventually("the statement runs") {
                let rows = try await pool.query(
                    "SELECT pg_stat_activity",
                    "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
                )
                return rows.count == 1
            }
            let start = ContinuousClock.now
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(ContinuousClock.now - start < .seconds(1))
            for _ in 0..<10 { try await pool.query("SELECT one", "SELECT 1") }
            try await eventually("the server has stopped the statement") {
                let rows = try await pool.query(
                    "SELECT pg_stat_activity",
                    "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
                )
                return rows.isEmpty
            }
        }
    }

    @Test("A cancelled wait for a connection returns promptly and takes nothing")
    func cancelledWait() async throws {
        try await withPool(configure: { $0.maximumConnections = 1 }) { pool in
            try await pool.withConnection { _ in
                let task = Task { try await pool.query("SELECT one", "SELECT 1") }
                try await eventually("the task waits") { pool.statistics.pending == 1 }
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(pool.statistics.pending == 0)
            }
            try await pool.query("SELECT one", "SELECT 1")
        }
    }

    @Test("Cancellation at any moment neither hangs nor costs the pool its connections")
    func cancellationStorm() async throws {
        try await withPool(configure: { $0.maximumConnections = 3 }) { pool in
            var generator = SeededGenerator(seed: 7)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<300 {
                    let delay = Int.random(in: 0..<4_000, using: &generator)
                    group.addTask {
                        let task = Task { try await pool.query("SELECT number", "SELECT \(number) AS number") }
                        try? await Task.sleep(for: .microseconds(delay))
                        task.cancel()
                        _ = await task.result
                    }
                }
            }
            for _ in 0..<20 { try await pool.query("SELECT one", "SELECT 1") }
            #expect(pool.statistics.used == 0)
        }
    }

    @Test("A session that is left in a transaction or with a lock is not lent again")
    func dirtySession() async throws {
        try await withPool(configure: { $0.maximumConnections = 2 }) { pool in
            try await pool.withConnection { connection in
                try await connection.query("BEGIN", "BEGIN")
            }
            try await pool.withConnection { connection in
                #expect(try await connection.tryAdvisoryLock(42))
                let isTakenTwice = try await pool.withConnection { try await $0.tryAdvisoryLock(42) }
                #expect(!isTakenTwice)
            }
            try await eventually("the lock is free") {
                try await pool.withConnection { connection in
                    guard try await connection.tryAdvisoryLock(42) else { return false }
                    try await connection.advisoryUnlock(42)
                    return true
                }
            }
            let status = try await pool.query(
                "SELECT status",
                "SELECT pg_current_xact_id_if_assigned() IS NULL AS free"
            )
            #expect(try status.first?.decode(Bool.self, "free") == true)
        }
    }

    @Test("A connection that is kept beyond its loan is refused")
    func keptConnection() async throws {
        try await withPool { pool in
            let kept = try await pool.withConnection { $0 }
            #expect(try await error { try await kept.query("SELECT one", "SELECT 1") }.code == .invalidUsage)
        }
    }

    @Test("The server's statement_timeout ends a statement, and the connection stays")
    func statementTimeout() async throws {
        try await withPool(configure: { $0.statementTimeout = .milliseconds(100) }) { pool in
            let failure = try await error { try await pool.query("SELECT pg_sleep", "SELECT pg_sleep(9)") }
            #expect(failure.code == .timeout)
            #expect(failure.sqlState == .queryCanceled)
            #expect(pool.statistics.idle == 1)
        }
    }

    @Test("A shutdown waits for the statement under way, and refuses new ones")
    func shutdown() async throws {
        try await withPool { pool in
            async let slow = pool.query("SELECT pg_sleep", "SELECT pg_sleep(0.3)")
            try await eventually("the statement runs") { pool.statistics.used == 1 }
            async let first: Void = pool.shutdown(timeout: .seconds(5))
            async let second: Void = pool.shutdown(timeout: .seconds(5))
            #expect(try await slow.count == 1)
            _ = await (first, second)
            #expect(try await error { try await pool.query("SELECT one", "SELECT 1") }.code == .closed)
            #expect(pool.statistics.idle + pool.statistics.used == 0)
        }
    }

    @Test("A shutdown does not wait longer than its time-out")
    func shutdownTimeout() async throws {
        try await withPool { pool in
            async let slow = pool.query("SELECT pg_sleep", "SELECT pg_sleep(9)")
            try await eventually("the statement runs") { pool.statistics.used == 1 }
            let start = ContinuousClock.now
            await pool.shutdown(timeout: .milliseconds(100))
            #expect(ContinuousClock.now - start < .seconds(2))
            do {
                _ = try await slow
                Issue.record("the statement is ended")
            } catch let error as PostgresError {
                #expect(error.code == .closed)
            }
        }
    }

    @Test("A pool that was shut down before it ran returns at once")
    func shutdownBeforeRun() async throws {
        let server = try TestPostgresServer.shared.get()
        try await withPool(of: server) { await $0.shutdown() }
    }

    @Test("Cancelling run closes the pool")
    func cancelledRun() async throws {
        try await withPool { pool in
            let task = Task { try await pool.run() }
            try await pool.query("SELECT one", "SELECT 1")
            task.cancel()
            try await task.value
            #expect(try await error { try await pool.query("SELECT one", "SELECT 1") }.code == .closed)
        }
    }

    @Test("The session has the limits of the configuration")
    func sessionSettings() async throws {
        try await withPool(configure: { $0.lockTimeout = .milliseconds(1_234) }) { pool in
            let row = try #require(
                try await pool.query(
                    "SELECT settings",
                    """
                    SELECT current_setting('statement_timeout') AS statement, current_setting('lock_timeout') AS lock,
                        current_setting('idle_in_transaction_session_timeout') AS idle,
                        current_setting('application_name') AS name
                    """
                ).first
            )
            #expect(try row.decode(String.self, "statement") == "10s")
            #expect(try row.decode(String.self, "lock") == "1234ms")
            #expect(try row.decode(String.self, "idle") == "30s")
            #expect(try row.decode(String.self, "name") == "tests")
        }
    }
}
