/// What statements can be run on: a pool, a connection or a transaction.
public protocol PostgresQueryExecutor: Sendable {
    /// Runs a statement and returns all its rows.
    ///
    /// - Parameters:
    ///   - summary: what the statement does, in few words of low cardinality: "INSERT events outbox".
    ///   - query: the statement.
    /// - Throws: ``PostgresError``, or `CancellationError` if the calling task is cancelled.
    @discardableResult
    func query(_ summary: String, _ query: PostgresQuery) async throws -> PostgresRows
}
