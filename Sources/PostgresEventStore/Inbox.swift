public import Postgres

/// Recognises events that were handled: what makes effects happen once under at-least-once delivery.
public enum Inbox {
    /// Claims an event in the handler's transaction.
    ///
    /// The row is a lock too: a second worker with the same event waits here until the first has committed, and then
    /// learns that there is nothing to do.
    ///
    /// - Parameters:
    ///   - eventID: The event's identity.
    ///   - consumer: Who handles it.
    ///   - transaction: The handler's transaction, in which this is the first statement.
    /// - Returns: Whether the event is new.
    /// - Throws: `PostgresError`.
    public static func claim(
        _ eventID: String,
        for consumer: String,
        in transaction: PostgresTransaction
    ) async throws -> Bool {
        let rows = try await transaction.query(
            "INSERT inbox",
            """
            INSERT INTO inbox (consumer, event_id) VALUES (\(consumer), \(eventID))
            ON CONFLICT DO NOTHING RETURNING event_id
            """
        )
        return !rows.isEmpty
    }

    /// Forgets events that were handled so long ago that they cannot come again.
    ///
    /// - Parameters:
    ///   - days: How many days are kept; at least a redelivery's and a redrive's horizon.
    ///   - pool: The database.
    /// - Returns: How many were forgotten.
    /// - Throws: `PostgresError`.
    @discardableResult
    public static func forget(olderThanDays days: Int, in pool: PostgresPool) async throws -> Int {
        try await pool.query(
            "DELETE inbox",
            "DELETE FROM inbox WHERE handled_at < now() - make_interval(days => \(Int32(days)))"
        ).affectedRows
    }
}
