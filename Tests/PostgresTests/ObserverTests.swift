import Postgres
import Testing

@Suite("Observation")
struct ObserverTests {
    @TaskLocal static var parent = "none"

    /// Keeps the task-local value that is current when a statement starts.
    private final class ParentObserver: PostgresObserver {
        let inner = RecordingObserver()

        func operationStarted(_ operation: PostgresOperation) -> (any PostgresObservation)? {
            inner.operationStarted(
                PostgresOperation(summary: ObserverTests.parent, sql: "", database: "", host: "", port: 0)
            )
        }
    }

    @Test("Each statement is reported once, with its summary and without its values")
    func statements() async throws {
        let observer = RecordingObserver()
        try await withPool(observer: observer) { pool in
            try await pool.query("CREATE TABLE notes", "CREATE TABLE notes (note text UNIQUE)")
            try await pool.query("INSERT notes", "INSERT INTO notes VALUES (\("secret"))")
            _ = try? await pool.query("INSERT notes", "INSERT INTO notes VALUES (\("secret"))")
            try await pool.withTransaction { transaction in
                try await transaction.query("SELECT notes", "SELECT * FROM notes")
            }
            try? await pool.withTransaction { transaction in
                try await transaction.query("DELETE notes", "DELETE FROM notes")
                throw CancellationError()
            }
            try await pool.check()
        }
        let summaries = observer.entries.map(\.operation.summary)
        #expect(
            summaries == [
                "CREATE TABLE notes", "INSERT notes", "INSERT notes", "SELECT notes", "COMMIT", "DELETE notes",
            ]
        )
        #expect(observer.entries.map(\.outcomes.count) == [1, 1, 1, 1, 1, 1])
        #expect(observer.entries.map { try? $0.outcomes.first?.get() } == [0, 1, nil, 1, 0, 1])
        guard case .failure(let error)? = observer.entries[2].outcomes.first else {
            Issue.record("the second insertion is a failure")
            return
        }
        #expect(error.sqlState == .uniqueViolation)
        for entry in observer.entries {
            #expect(!entry.operation.sql.contains("secret"))
            #expect(entry.operation.host == "127.0.0.1")
            #expect(entry.operation.database.hasPrefix("test_"))
        }
        #expect(observer.waits.count == 5)
    }

    @Test("The observer runs within the caller's task-local values")
    func taskLocals() async throws {
        let observer = ParentObserver()
        try await withPool(observer: observer) { pool in
            try await pool.withTransaction { transaction in
                try await Self.$parent.withValue("statement") {
                    _ = try await transaction.query("SELECT one", "SELECT 1")
                }
                try await Self.$parent.withValue("commit") {
                    try await transaction.commit()
                }
            }
        }
        #expect(observer.inner.entries.map(\.operation.summary) == ["statement", "commit"])
    }

    @Test("A cancelled statement is reported as cancelled")
    func cancelled() async throws {
        let observer = RecordingObserver()
        try await withPool(observer: observer) { pool in
            let task = Task { try await pool.query("SELECT pg_sleep", "SELECT pg_sleep(9)") }
            try await eventually("the statement runs") { pool.statistics.used == 1 }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        guard case .failure(let error)? = observer.entries.first?.outcomes.first else {
            Issue.record("the statement is a failure")
            return
        }
        #expect(error.code == .cancelled)
    }
}
