/// Tells the observer of each statement.
struct StatementReporter: Sendable {
    let observer: any PostgresObserver
    let database: String
    let host: String
    let port: Int

    init(observer: any PostgresObserver, configuration: PostgresConfiguration) {
        self.observer = observer
        database = configuration.database
        host = configuration.host
        port = configuration.port
    }

    /// Runs a statement within an observation.
    func reporting(
        _ summary: String,
        _ sql: String,
        _ body: () async throws -> PostgresRows
    ) async throws -> PostgresRows {
        let operation = PostgresOperation(summary: summary, sql: sql, database: database, host: host, port: port)
        guard let observation = observer.operationStarted(operation) else { return try await body() }
        do {
            let rows = try await body()
            observation.finished(.success(rows.affectedRows))
            return rows
        } catch {
            observation.finished(.failure(PostgresError(observing: error)))
            throw error
        }
    }
}
