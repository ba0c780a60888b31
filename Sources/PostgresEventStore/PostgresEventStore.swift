public import EventSourcing
internal import Foundation
public import Postgres

/// An event store in PostgreSQL that queues every event for the relay in the same statement.
///
/// Appending is one round trip: events and outbox rows are inserted by one statement, which is also the transaction. A
/// version that exists is refused by the primary key, a command that was executed by a unique index.
public struct PostgresEventStore: EventStore {
    private let pool: PostgresPool
    private let onAppend: @Sendable (_ types: [String]) -> Void

    /// Creates a store on a migrated database.
    ///
    /// - Parameters:
    ///   - pool: The database.
    ///   - onAppend: Called after each commit with the types of its events, so that the relay of this process need not wait
    ///     for its next poll.
    public init(pool: PostgresPool, onAppend: @escaping @Sendable (_ types: [String]) -> Void = { _ in }) {
        self.pool = pool
        self.onAppend = onAppend
    }

    /// Reads a stream in version order.
    public func read(_ stream: String, after version: Int) async throws -> [RecordedEvent] {
        let rows = try await pool.query(
            "SELECT events",
            """
            SELECT id, version, type, schema_version, payload, headers, recorded_at
            FROM events WHERE stream = \(stream) AND version > \(version) ORDER BY version
            """
        )
        return try rows.map { row in
            RecordedEvent(
                id: try row.decode(UUID.self, "id"),
                stream: stream,
                recording: EventRecording(
                    version: try row.decode(Int.self, "version"),
                    recordedAt: UInt64(
                        clamping: try row.decode(PostgresTimestamp.self, "recorded_at").nanosecondsSinceEpoch
                    )
                ),
                event: EncodedEvent(
                    type: try row.decode(String.self, "type"),
                    schemaVersion: try row.decode(Int.self, "schema_version"),
                    payload: try row.decode([UInt8].self, "payload")
                ),
                headers: try Headers.decode(try row.decode(String.self, "headers"))
            )
        }
    }

    /// Appends events to a stream and queues them, all or none.
    public func append(
        _ events: [NewEvent],
        to stream: String,
        expectedVersion: Int,
        commandID: String?
    ) async throws -> [RecordedEvent] {
        let rows: PostgresRows
        do {
            rows = try await pool.query(
                "INSERT events outbox",
                """
                WITH appended AS (
                    INSERT INTO events (stream, version, id, type, schema_version, payload, headers, command_id)
                    SELECT \(stream), \(expectedVersion) + n, id, type, schema_version, payload, headers::jsonb,
                           CASE WHEN n = 1 THEN \(commandID) END
                    FROM unnest(
                        \(events.map(\.id))::uuid[],
                        \(events.map(\.event.type))::text[],
                        \(events.map { Int64($0.event.schemaVersion) })::bigint[],
                        \(events.map(\.event.payload))::bytea[],
                        \(try events.map { try Headers.encode($0.headers) })::text[]
                    ) WITH ORDINALITY AS new (id, type, schema_version, payload, headers, n)
                    WHERE \(expectedVersion) = (
                        SELECT coalesce(max(version), 0) FROM events WHERE stream = \(stream)
                    )
                    RETURNING id, stream, version, type, schema_version, payload, headers, recorded_at
                ), queued AS (
                    INSERT INTO outbox (id, aggregate_id, version, type, schema_version, payload, headers, recorded_at)
                    SELECT id, stream, version, type, schema_version, payload, headers, recorded_at FROM appended
                )
                SELECT version, recorded_at FROM appended ORDER BY version
                """
            )
        } catch let error as PostgresError where error.sqlState == .uniqueViolation {
            if error.constraint == "events_command_id" {
                throw EventStoreError(.duplicateCommand, "this command was executed before")
            }
            throw Self.conflict(stream, expectedVersion)
        }
        guard rows.count == events.count else { throw Self.conflict(stream, expectedVersion) }
        onAppend(events.map(\.event.type))
        return try zip(events, rows).map { event, row in
            RecordedEvent(
                id: event.id,
                stream: stream,
                recording: EventRecording(
                    version: try row.decode(Int.self, "version"),
                    recordedAt: UInt64(
                        clamping: try row.decode(PostgresTimestamp.self, "recorded_at").nanosecondsSinceEpoch
                    )
                ),
                event: event.event,
                headers: event.headers
            )
        }
    }

    /// Finds the stream on which a command was executed.
    public func stream(ofCommand commandID: String) async throws -> String? {
        try await pool.query("SELECT events", "SELECT stream FROM events WHERE command_id = \(commandID)")
            .first?.decode(String.self, "stream")
    }

    private static func conflict(_ stream: String, _ expectedVersion: Int) -> EventStoreError {
        EventStoreError(.versionConflict, "\(stream) is no longer at version \(expectedVersion)")
    }
}

/// Headers of events as the `jsonb` columns keep them.
enum Headers {
    static func encode(_ headers: [String: String]) throws -> String {
        String(decoding: try JSONEncoder().encode(headers), as: UTF8.self)
    }

    static func decode(_ json: String) throws -> [String: String] {
        try JSONDecoder().decode([String: String].self, from: Data(json.utf8))
    }
}
