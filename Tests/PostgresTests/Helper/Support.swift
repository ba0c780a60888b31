import Logging
import Postgres
import Synchronization
import Testing

/// Lends a pool on a database of its own on the shared server.
func withPool<Value: Sendable>(
    observer: any PostgresObserver = NoPostgresObserver(),
    configure: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresPool) async throws -> Value
) async throws -> Value {
    let server = try TestPostgresServer.shared.get()
    let database = server.newDatabaseName()
    try await withPool(of: server, database: "postgres") { pool in
        try await pool.query("CREATE DATABASE", "CREATE DATABASE \(unsafeSQL: database)")
    }
    return try await withPool(of: server, database: database, observer: observer, configure: configure, body)
}

/// Lends a running pool on a database of a server.
@discardableResult
func withPool<Value: Sendable>(
    of server: TestPostgresServer,
    database: String = "postgres",
    observer: any PostgresObserver = NoPostgresObserver(),
    logger: Logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() },
    configure: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresPool) async throws -> Value
) async throws -> Value {
    var configuration = PostgresConfiguration(
        host: "127.0.0.1",
        port: server.port,
        database: database,
        applicationName: "tests"
    )
    configure(&configuration)
    let pool = PostgresPool(configuration: configuration, observer: observer, logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await pool.run() }
        let value = try await body(pool)
        await pool.shutdown(timeout: .seconds(2))
        try await group.waitForAll()
        return value
    }
}

/// Waits until a condition holds.
func eventually(
    within limit: Duration = .seconds(10),
    _ what: Comment,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record(what, sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// The error that an operation ends with.
func error<Value>(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Value
) async throws -> PostgresError {
    let failure = await #expect(throws: PostgresError.self, sourceLocation: sourceLocation) { _ = try await body() }
    return try #require(failure, sourceLocation: sourceLocation)
}

/// An observer that keeps what it is told.
final class RecordingObserver: PostgresObserver {
    struct Entry: Sendable {
        var operation: PostgresOperation
        var outcomes: [Result<Int, PostgresError>] = []
    }

    private let state = Mutex((entries: [Entry](), waits: [Duration](), refusals: [PostgresError]()))

    var entries: [Entry] { state.withLock(\.entries) }
    var waits: [Duration] { state.withLock(\.waits) }
    var refusals: [PostgresError] { state.withLock(\.refusals) }

    func operationStarted(_ operation: PostgresOperation) -> (any PostgresObservation)? {
        let index = state.withLock { state in
            state.entries.append(Entry(operation: operation))
            return state.entries.count - 1
        }
        return Observation(observer: self, index: index)
    }

    func connectionAcquired(wait: Duration) {
        state.withLock { $0.waits.append(wait) }
    }

    func connectionRefused(_ error: PostgresError, wait: Duration) {
        state.withLock { $0.refusals.append(error) }
    }

    private struct Observation: PostgresObservation {
        var observer: RecordingObserver
        var index: Int

        func finished(_ outcome: Result<Int, PostgresError>) {
            observer.state.withLock { $0.entries[index].outcomes.append(outcome) }
        }
    }
}
