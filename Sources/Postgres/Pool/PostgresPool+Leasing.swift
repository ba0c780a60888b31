extension PostgresPool: PostgresQueryExecutor {
    /// Runs a statement on any connection, in a transaction of its own.
    ///
    /// - Throws: ``PostgresError``, or `CancellationError` if the calling task is cancelled. With `.connectionLost` and
    ///   `.timeout` it is unknown whether the statement took effect.
    @discardableResult
    public func query(_ summary: String, _ query: PostgresQuery) async throws -> PostgresRows {
        let connection = try await acquire(for: summary, query.sql)
        defer { core.release(connection, isReusable: true) }
        return try await reporter.reporting(summary, query.sql) {
            let request = Request(body: .query(query), deadline: configuration.statementDeadline)
            return PostgresRows(try await connection.send(request))
        }
    }

    /// Lends a connection, for what belongs to a session, such as advisory locks.
    ///
    /// The connection must not be used after `body` has returned. It goes back to the pool unless it is broken, in a
    /// transaction, or holds an advisory lock that was taken with ``PostgresConnection/advisoryLock(_:)``; then it is
    /// closed, which ends all of these.
    ///
    /// - Throws: what `body` throws; ``PostgresError`` if no connection is to be had; `CancellationError`.
    @discardableResult
    public func withConnection<Value>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: (PostgresConnection) async throws -> sending Value
    ) async throws -> sending Value {
        let connection = PostgresConnection(
            try await acquire(for: Self.lease, ""),
            configuration: configuration,
            reporter: reporter
        )
        defer { core.release(connection.server, isReusable: connection.end()) }
        return try await body(connection)
    }

    /// Runs `body` in a transaction, which is committed when `body` returns and rolled back when it throws.
    ///
    /// BEGIN travels with the first statement; without any statement nothing is sent. Cancellation rolls back, unless
    /// COMMIT is under way: its end is awaited.
    ///
    /// - Parameters:
    ///   - isolation: the actor of the caller.
    ///   - level: the transaction's isolation level.
    ///   - body: the work. It may call ``PostgresTransaction/commit()`` as the last thing it does.
    /// - Throws: what `body` throws; ``PostgresError`` with code `.commitOutcomeUnknown` if the connection ended during
    ///   COMMIT, or with another one if there was no commit; `CancellationError`.
    @discardableResult
    public func withTransaction<Value>(
        isolation: isolated (any Actor)? = #isolation,
        level: PostgresIsolationLevel = .readCommitted,
        _ body: (PostgresTransaction) async throws -> sending Value
    ) async throws -> sending Value {
        let server = try await acquire(for: "BEGIN", "BEGIN")
        defer { core.release(server, isReusable: true) }
        let transaction = PostgresTransaction(server, level: level, configuration: configuration, reporter: reporter)
        return try await transaction.run(body)
    }

    /// What the observer is told of when nobody knows yet which statements a connection is for.
    private static let lease = "connection"

    /// Takes a connection and tells the observer.
    ///
    /// What it was for is reported as a statement that failed if there is none to be had; the wait is no part of statements
    /// that are sent.
    private func acquire(for summary: String, _ sql: String) async throws -> ServerConnection {
        if let connection = core.acquireAtOnce() {
            reporter.observer.connectionAcquired(wait: .zero)
            return connection
        }
        let start = Moment.now
        do {
            let connection = try await core.acquire(deadline: start + configuration.acquireTimeout, isPatient: false)
            reporter.observer.connectionAcquired(wait: .now - start)
            return connection
        } catch {
            let refusal = PostgresError(observing: error)
            reporter.observer.connectionRefused(refusal, wait: .now - start)
            // Who no longer wants the connection misses nothing.
            if refusal.code != .cancelled { _ = try await reporter.reporting(summary, sql) { throw error } }
            throw error
        }
    }
}

extension PostgresConfiguration {
    /// When a statement that starts now is given up.
    var statementDeadline: Moment { .now + (statementTimeout + unresponsiveMargin) }
}
