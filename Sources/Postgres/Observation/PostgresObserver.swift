/// What a higher module implements to trace, count and time statements.
///
/// Its methods run on the caller's task, within the caller's task-local values, and must not block.
public protocol PostgresObserver: Sendable {
    /// A statement that a caller asked for starts; its connection has been taken from the pool, or could not be.
    ///
    /// It is called once for each statement, whatever the pool does inside. COMMIT is reported with the summary
    /// "COMMIT"; ROLLBACK is not reported, and BEGIN only when there is no connection for the transaction. A connection
    /// for something else that is not to be had is reported with the summary "connection".
    ///
    /// - Returns: the observation to tell of the end, or `nil` if nobody wants to know.
    func operationStarted(_ operation: PostgresOperation) -> (any PostgresObservation)?

    /// A connection was taken from the pool after `wait`, which is zero if one was free.
    func connectionAcquired(wait: Duration)

    /// No connection could be taken from the pool within `wait`.
    func connectionRefused(_ error: PostgresError, wait: Duration)
}

extension PostgresObserver {
    /// Does nothing.
    public func connectionAcquired(wait: Duration) {}

    /// Does nothing.
    public func connectionRefused(_ error: PostgresError, wait: Duration) {}
}

/// One statement under way.
public protocol PostgresObservation: Sendable {
    /// The statement has ended; called once, on the caller's task.
    ///
    /// - Parameter outcome: the number of rows that were returned or affected, or the error. A cancelled task is
    ///   reported with the code `.cancelled`.
    func finished(_ outcome: Result<Int, PostgresError>)
}

/// What an observer learns of a statement: never a bound value.
public struct PostgresOperation: Sendable {
    /// A description of low cardinality, such as "INSERT events outbox" (`db.query.summary`).
    public let summary: String
    /// The statement with `$n` in place of the values (`db.query.text`).
    public let sql: String
    /// The database's name (`db.namespace`).
    public let database: String
    /// The server's host (`server.address`).
    public let host: String
    /// The server's port (`server.port`).
    public let port: Int

    /// Creates a description of a statement, for tests of observers.
    public init(summary: String, sql: String, database: String, host: String, port: Int) {
        self.summary = summary
        self.sql = sql
        self.database = database
        self.host = host
        self.port = port
    }
}

/// An observer that does nothing, for tests.
public struct NoPostgresObserver: PostgresObserver {
    /// Creates the observer.
    public init() {}

    /// Wants to know nothing.
    public func operationStarted(_ operation: PostgresOperation) -> (any PostgresObservation)? { nil }
}
