internal import Synchronization

/// A connection that a pool has lent.
///
/// One statement runs at a time: a second one that starts meanwhile, in a child task for instance, is refused with
/// `.invalidUsage`.
public final class PostgresConnection: PostgresQueryExecutor {
    private struct State {
        var isEnded = false
        /// The session's advisory locks with the number of times each was taken.
        var locks: [Int64: Int] = [:]
    }

    let server: ServerConnection
    private let configuration: PostgresConfiguration
    private let reporter: StatementReporter
    private let state = Mutex(State())

    init(_ server: ServerConnection, configuration: PostgresConfiguration, reporter: StatementReporter) {
        self.server = server
        self.configuration = configuration
        self.reporter = reporter
    }

    /// Ends the loan.
    ///
    /// - Returns: whether the session is as it was before.
    func end() -> Bool {
        state.withLock { state in
            state.isEnded = true
            return state.locks.isEmpty
        }
    }

    private func checkLoan() throws {
        guard !state.withLock(\.isEnded) else {
            throw PostgresError(.invalidUsage, "the connection was given back; use it within withConnection only")
        }
    }

    /// Runs a statement and returns all its rows; see ``PostgresQueryExecutor``.
    @discardableResult
    public func query(_ summary: String, _ query: PostgresQuery) async throws -> PostgresRows {
        try checkLoan()
        return try await reporter.reporting(summary, query.sql) {
            let request = Request(body: .query(query), deadline: configuration.statementDeadline)
            return PostgresRows(try await server.send(request))
        }
    }

    /// Runs `body` in a transaction on this connection; see ``PostgresPool/withTransaction(isolation:level:_:)``.
    @discardableResult
    public func withTransaction<Value>(
        isolation: isolated (any Actor)? = #isolation,
        level: PostgresIsolationLevel = .readCommitted,
        _ body: (PostgresTransaction) async throws -> sending Value
    ) async throws -> sending Value {
        try checkLoan()
        return try await PostgresTransaction(server, level: level, configuration: configuration, reporter: reporter)
            .run(body)
    }

    /// Takes an advisory lock of the session if nobody else holds it.
    ///
    /// - Parameter key: the lock's number in the database.
    /// - Returns: whether it was taken.
    public func tryAdvisoryLock(_ key: Int64) async throws -> Bool {
        let rows = try await query("SELECT pg_try_advisory_lock", "SELECT pg_try_advisory_lock(\(key)) AS taken")
        let isTaken = try rows.first?.decode(Bool.self, "taken") ?? false
        if isTaken { state.withLock { $0.locks[key, default: 0] += 1 } }
        return isTaken
    }

    /// Takes an advisory lock of the session, and waits for it up to `lockTimeout`.
    ///
    /// - Parameter key: the lock's number in the database.
    /// - Throws: ``PostgresError`` with the SQLSTATE `lockNotAvailable` after `lockTimeout`.
    public func advisoryLock(_ key: Int64) async throws {
        try await query("SELECT pg_advisory_lock", "SELECT pg_advisory_lock(\(key))")
        state.withLock { $0.locks[key, default: 0] += 1 }
    }

    /// Gives an advisory lock of the session back.
    ///
    /// - Parameter key: the lock's number in the database.
    public func advisoryUnlock(_ key: Int64) async throws {
        try await query("SELECT pg_advisory_unlock", "SELECT pg_advisory_unlock(\(key))")
        state.withLock { state in
            guard let count = state.locks[key] else { return }
            state.locks[key] = count > 1 ? count - 1 : nil
        }
    }
}
