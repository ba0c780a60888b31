import Foundation
import LocalStack
import Logging
import Postgres
import PostgresEventStore
import Synchronization
import Testing

/// Gives a suite, or a test, a PostgreSQL server of its own in a private folder, and stops it afterwards.
struct PostgresServerTrait: SuiteTrait, TestTrait, TestScoping {
    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/contrail-test-\(UUID().uuidString.prefix(8))"
        defer { try? PostgresServer.removeData(in: folder) }
        let server = try await PostgresServer.start(in: folder, fsync: false, logger: .none)
        let result: Result<Void, any Error>
        do {
            result = .success(try await PostgresServer.$current.withValue(server) { try await function() })
        } catch {
            result = .failure(error)
        }
        await server.stop()
        try result.get()
    }
}

extension Trait where Self == PostgresServerTrait {
    /// A PostgreSQL server of its own.
    static var postgres: PostgresServerTrait { PostgresServerTrait() }
}

extension PostgresServer {
    /// The server of the suite or the test that runs.
    @TaskLocal static var current: PostgresServer?
}

extension Logger {
    /// Writes nothing.
    static var none: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// A new database with the module's tables, of which pools are lent.
struct TestDatabase: Sendable {
    let server: PostgresServer
    private let environment: [String: String]

    init(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        server = try #require(
            PostgresServer.current,
            "the suite lacks the .postgres trait",
            sourceLocation: sourceLocation
        )
        let name = "test_" + UUID().uuidString.lowercased().replacing("-", with: "").prefix(12)
        environment = try await server.ensureDatabase(name: name)
        try await withPool { pool in
            try await PostgresMigrator([
                EventStoreSchema.events, EventStoreSchema.outbox, EventStoreSchema.inbox, EventStoreSchema.outboxTotals,
            ])
            .run(on: pool)
        }
    }

    @discardableResult
    func withPool<T: Sendable>(
        maximumConnections: Int = 8,
        name: String = "tests",
        _ body: (PostgresPool) async throws -> T
    ) async throws -> T {
        var configuration = try PostgresConfiguration(
            environment: environment,
            defaultDatabase: "postgres",
            applicationName: name
        )
        configuration.maximumConnections = maximumConnections
        let pool = PostgresPool(configuration: configuration, observer: NoPostgresObserver(), logger: .none)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            let result: Result<T, any Error>
            do {
                result = .success(try await body(pool))
            } catch {
                result = .failure(error)
            }
            await pool.shutdown(timeout: .seconds(2))
            try await group.waitForAll()
            return try result.get()
        }
    }

    /// Ends the sessions of an application, as an administrator would.
    ///
    /// - Returns: How many there were.
    func terminateSessions(of application: String) async throws -> Int {
        var configuration = try PostgresConfiguration(
            environment: server.superuserEnvironment(),
            defaultDatabase: "postgres",
            applicationName: "administrator"
        )
        configuration.database = environment["PGDATABASE"] ?? ""
        let pool = PostgresPool(configuration: configuration, observer: NoPostgresObserver(), logger: .none)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            let count = try await pool.query(
                "SELECT terminate",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = \(application)"
            ).count
            await pool.shutdown(timeout: .seconds(2))
            try await group.waitForAll()
            return count
        }
    }
}

extension PostgresPool {
    /// A number that a statement answers with.
    func count(_ query: PostgresQuery) async throws -> Int {
        try #require(try await self.query("SELECT count", query).first).decode(Int.self, "count")
    }
}
