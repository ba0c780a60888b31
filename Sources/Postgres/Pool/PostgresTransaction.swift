internal import Synchronization

/// How far transactions are kept apart ("Transaction Isolation", PostgreSQL documentation).
public enum PostgresIsolationLevel: String, Sendable {
    /// Each statement sees what was committed before it.
    case readCommitted = "READ COMMITTED"
    /// All statements see what was committed before the first.
    case repeatableRead = "REPEATABLE READ"
    /// As if transactions ran one after the other; they may have to be repeated.
    case serializable = "SERIALIZABLE"
}

/// A transaction under way; see ``PostgresPool/withTransaction(isolation:level:_:)``.
public final class PostgresTransaction: PostgresQueryExecutor {
    private enum State {
        case notBegun, begun, ended
    }

    private let server: ServerConnection
    private let level: PostgresIsolationLevel
    private let configuration: PostgresConfiguration
    private let reporter: StatementReporter
    private let state = Mutex(State.notBegun)

    init(
        _ server: ServerConnection,
        level: PostgresIsolationLevel,
        configuration: PostgresConfiguration,
        reporter: StatementReporter
    ) {
        self.server = server
        self.level = level
        self.configuration = configuration
        self.reporter = reporter
    }

    /// Runs a statement and returns all its rows; see ``PostgresQueryExecutor``.
    @discardableResult
    public func query(_ summary: String, _ query: PostgresQuery) async throws -> PostgresRows {
        try await send(summary, query.sql, .query(query), deadline: configuration.statementDeadline)
    }

    /// Runs statements that are separated by semicolons.
    func script(_ summary: String, _ sql: String, deadline: Moment) async throws {
        try await send(summary, sql, .script(sql), deadline: deadline)
    }

    /// Commits. It may be called as the last thing within the transaction, so that COMMIT is part of the caller's span;
    /// otherwise the end of the body does it.
    ///
    /// Cancellation does not interrupt it: its end is awaited, because an interrupted COMMIT may have taken effect.
    ///
    /// - Throws: ``PostgresError`` with code `.commitOutcomeUnknown` if the connection ended meanwhile;
    ///   `.transactionRolledBack` if a statement had failed; another code if the server refused, as with a deferred
    ///   constraint.
    public func commit() async throws {
        let previous = end()
        switch previous {
        case .notBegun:
            return
        case .ended:
            throw alreadyEnded
        case .begun:
            break
        }
        do {
            try Task.checkCancellation()
        } catch {
            await rollBack()
            throw error
        }
        if server.transactionStatus == .failed {
            await rollBack()
            throw PostgresError(
                .transactionRolledBack,
                "a statement of the transaction had failed, so that it was rolled back; rethrow the statement's error"
            )
        }
        _ = try await reporter.reporting("COMMIT", "COMMIT") {
            PostgresRows(try await sendCommit())
        }
    }
}

extension PostgresTransaction {
    /// Runs the transaction's body and ends the transaction.
    func run<Value>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (PostgresTransaction) async throws -> sending Value
    ) async throws -> sending Value {
        let value: Value
        do {
            value = try await body(self)
        } catch {
            if end() == .begun { await rollBack() }
            throw error
        }
        if state.withLock({ $0 != .ended }) { try await commit() }
        return value
    }

    private var alreadyEnded: PostgresError {
        PostgresError(.invalidUsage, "the transaction has ended; nothing may follow its commit or its body")
    }

    private func end() -> State {
        state.withLock { state in
            defer { state = .ended }
            return state
        }
    }

    @discardableResult
    private func send(
        _ summary: String,
        _ sql: String,
        _ body: Request.Body,
        deadline: Moment
    ) async throws -> PostgresRows {
        let previous = state.withLock { state in
            defer { if state == .notBegun { state = .begun } }
            return state
        }
        guard previous != .ended else { throw alreadyEnded }
        let begin = previous == .notBegun ? "BEGIN ISOLATION LEVEL \(level.rawValue)" : nil
        return try await reporter.reporting(summary, sql) {
            let request = Request(body: body, begin: begin, deadline: deadline)
            return PostgresRows(try await server.send(request))
        }
    }

    private func sendCommit() async throws -> QueryResult? {
        let result: QueryResult?
        do {
            let request = Request(body: .command("COMMIT"), deadline: configuration.statementDeadline)
            result = try await server.send(request, isCancellable: false)
        } catch let error as PostgresError where error.code == .server || error.code == .connectionUnavailable {
            // The server's word that there was no commit, or nothing was sent.
            throw error
        } catch let error as PostgresError where error.code == .timeout && error.sqlState != nil {
            throw error
        } catch {
            throw PostgresError(
                .commitOutcomeUnknown,
                "the connection ended during COMMIT; look for the transaction's effect before repeating it",
                cause: error
            )
        }
        guard result?.commandTag == "COMMIT" else {
            throw PostgresError(
                .transactionRolledBack,
                "the server rolled the transaction back instead of committing it"
            )
        }
        return result
    }

    /// Rolls back whatever became of the calling task. A connection on which that fails is closed when it is given
    /// back, which has the same effect.
    private func rollBack() async {
        let request = Request(body: .command("ROLLBACK"), deadline: configuration.statementDeadline)
        _ = try? await server.send(request, isCancellable: false)
    }
}
