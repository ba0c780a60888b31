public import EventSourcing
public import Foundation
public import Postgres

/// Queues events of aggregates that are not event-sourced, in the statement or transaction that changes them.
public enum Outbox {
    /// Queues an event. Call it in the transaction that changes the aggregate, and nudge the relay after the commit.
    ///
    /// - Parameters:
    ///   - event: The event with its headers.
    ///   - aggregateID: What it is about; events of one aggregate are published in version order.
    ///   - version: The aggregate's version that it made.
    ///   - transaction: The transaction.
    /// - Throws: `PostgresError`.
    public static func add(
        _ event: NewEvent,
        aggregateID: String,
        version: Int,
        in transaction: PostgresTransaction
    ) async throws {
        _ = try await transaction.query(
            "INSERT outbox",
            """
            INSERT INTO outbox (id, aggregate_id, version, type, schema_version, payload, headers)
            VALUES (\(event.id), \(aggregateID), \(version), \(event.event.type), \(event.event.schemaVersion),
                    \(event.event.payload), \(try Headers.encode(event.headers))::jsonb)
            """
        )
    }
}

/// An event that waits to be published.
public struct OutboxMessage: Sendable {
    /// The event's identity.
    public let id: UUID
    /// What it is about.
    public let aggregateID: String
    /// The aggregate's version that it made.
    public let version: Int
    /// The event.
    public let event: EncodedEvent
    /// What travels with it.
    public let headers: [String: String]
    /// When it was written, in nanoseconds since the Unix epoch.
    public let recordedAt: UInt64
    /// How often publishing it has failed.
    public let attempts: Int
}

/// How much waits in an outbox.
public struct OutboxBacklog: Sendable, Hashable {
    /// The number of events.
    public var depth = 0
    /// When the oldest was written, in nanoseconds since the Unix epoch; `nil` when there is none.
    public var oldest: UInt64?
    /// The number of events that have waited for longer than ``OutboxRelay/Configuration/overdueAfter``.
    public var overdue = 0
    /// The number of events that were ever queued, those that wait included.
    public var queued = 0

    /// Creates an empty backlog.
    public init() {}
}
