internal import ContrailInstrumentation
internal import Foundation
internal import Observability
internal import PostgresEventStore
internal import ServiceRuntime

/// A notification as the database keeps it.
struct NotificationRow: Sendable, Equatable {
    var id: String
    var userID: String
    var orderID: String
    var eventType: String
    var eventID: String
    var channel: String
    var subject: String
    var occurredAt: UInt64
    var deliveredAt: UInt64
    var traceID: String
    var attempts: Int
    /// Where the time went; `nil` when the process died before the event was acknowledged.
    var journey: CompletedJourney?

    init(_ delivery: EventDelivery, notice: Notice, channel: String, deliveredAt: UInt64) {
        id = delivery.event.id
        userID = notice.userID
        orderID = notice.orderID
        eventType = delivery.event.type
        eventID = delivery.event.id
        self.channel = channel
        subject = notice.subject
        occurredAt = delivery.event.time
        self.deliveredAt = deliveredAt
        traceID = ActiveContext.current.spanContext?.traceID.hex ?? ""
        attempts = delivery.attempt
    }

    init(_ row: PostgresRow) throws {
        id = try row.decode(String.self, "id")
        userID = try row.decode(String.self, "user_id")
        orderID = try row.decode(String.self, "order_id")
        eventType = try row.decode(String.self, "event_type")
        eventID = try row.decode(String.self, "event_id")
        channel = try row.decode(String.self, "channel")
        subject = try row.decode(String.self, "subject")
        occurredAt = UInt64(clamping: try row.decode(PostgresTimestamp.self, "occurred_at").nanosecondsSinceEpoch)
        deliveredAt = UInt64(clamping: try row.decode(PostgresTimestamp.self, "delivered_at").nanosecondsSinceEpoch)
        traceID = try row.decode(String.self, "trace_id")
        attempts = try row.decode(Int.self, "attempts")
        journey = try CompletedJourney(row)
    }
}

/// Notifications in PostgreSQL.
struct NotificationStorage: Sendable {
    static let migrations: [PostgresMigration] = [
        EventStoreSchema.inbox,
        PostgresMigration(
            version: 100,
            name: "notifications",
            sql: """
                CREATE TABLE notifications (
                    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    id text NOT NULL CONSTRAINT notifications_id UNIQUE,
                    user_id text NOT NULL,
                    order_id text NOT NULL,
                    event_type text NOT NULL,
                    event_id text NOT NULL,
                    channel text NOT NULL,
                    subject text NOT NULL,
                    occurred_at timestamptz NOT NULL,
                    delivered_at timestamptz NOT NULL,
                    trace_id text NOT NULL,
                    attempts integer NOT NULL
                );
                CREATE INDEX notifications_user ON notifications (user_id, position);
                CREATE INDEX notifications_order ON notifications (order_id, position);
                """
        ),
        PostgresMigration(
            version: 101,
            name: "journeys",
            sql: """
                -- Written when the event is acknowledged, which is after the row: until then, and when the process died in
                -- between, completed_at is null. Durations are nanoseconds.
                ALTER TABLE notifications
                    ADD COLUMN completed_at timestamptz,
                    ADD COLUMN accept_ns bigint,
                    ADD COLUMN outbox_wait_ns bigint,
                    ADD COLUMN publish_ns bigint,
                    ADD COLUMN stream_wait_ns bigint,
                    ADD COLUMN redelivery_wait_ns bigint,
                    ADD COLUMN lookup_ns bigint,
                    ADD COLUMN deliver_ns bigint,
                    ADD COLUMN record_ns bigint,
                    ADD COLUMN skew_ns bigint,
                    ADD COLUMN late boolean,
                    ADD COLUMN cause text,
                    ADD COLUMN cause_reason text;
                CREATE INDEX notifications_late ON notifications (completed_at) WHERE late;

                -- Attempts that failed.
                CREATE TABLE attempts (
                    consumer text NOT NULL,
                    event_id text NOT NULL,
                    number integer NOT NULL,
                    started_at timestamptz NOT NULL,
                    looked_up_at timestamptz,
                    delivered_at timestamptz,
                    failed_at timestamptz NOT NULL,
                    reason text NOT NULL,
                    delay_seconds double precision NOT NULL,
                    traceparent text NOT NULL,
                    CONSTRAINT attempts_number PRIMARY KEY (consumer, event_id, number)
                );
                CREATE INDEX attempts_failed_at ON attempts (failed_at);

                -- Events that were given up; the dead letters themselves are in the stream DEAD_LETTERS.
                CREATE TABLE dead_letters (
                    consumer text NOT NULL,
                    event_id text NOT NULL,
                    event_type text NOT NULL,
                    reason text NOT NULL,
                    error_type text NOT NULL,
                    attempts integer NOT NULL,
                    dead_at timestamptz NOT NULL DEFAULT clock_timestamp(),
                    redriven_at timestamptz,
                    CONSTRAINT dead_letters_event PRIMARY KEY (consumer, event_id)
                );
                """
        ),
    ]

    let pool: PostgresPool

    /// Stores a notification in the handler's transaction.
    static func insert(_ row: NotificationRow, in transaction: PostgresTransaction) async throws {
        _ = try await transaction.query(
            "INSERT notifications",
            """
            INSERT INTO notifications (id, user_id, order_id, event_type, event_id, channel, subject, occurred_at,
                delivered_at, trace_id, attempts)
            VALUES (\(row.id), \(row.userID), \(row.orderID), \(row.eventType), \(row.eventID), \(row.channel),
                \(row.subject), \(PostgresTimestamp(nanosecondsSinceEpoch: Int64(clamping: row.occurredAt))),
                \(PostgresTimestamp(nanosecondsSinceEpoch: Int64(clamping: row.deliveredAt))), \(row.traceID), \(row.attempts))
            """
        )
    }

    /// One page of notifications, newest first.
    struct Page: Sendable {
        let rows: [NotificationRow]
        /// Where the next page begins, or `nil` on the last.
        let next: Int64?
    }

    /// Reads a page.
    ///
    /// - Parameters:
    ///   - userID: Only this customer's; empty for all.
    ///   - orderID: Only this order's; empty for all.
    ///   - before: The position that the page before ended at.
    ///   - limit: The most rows.
    func list(userID: String, orderID: String, before: Int64, limit: Int) async throws -> Page {
        let rows = try await pool.query(
            "SELECT notifications",
            """
            SELECT * FROM notifications
            WHERE position < \(before) AND (\(userID) = '' OR user_id = \(userID))
                AND (\(orderID) = '' OR order_id = \(orderID))
            ORDER BY position DESC LIMIT \(limit + 1)
            """
        )
        let page = rows.prefix(limit)
        return Page(
            rows: try page.map(NotificationRow.init),
            next: rows.count > limit ? try page.last?.decode(Int64.self, "position") : nil
        )
    }

    /// Reads one notification.
    func find(_ id: String) async throws -> NotificationRow? {
        try await pool.query("SELECT notifications", "SELECT * FROM notifications WHERE id = \(id)")
            .first.map(NotificationRow.init)
    }

    /// Whether an event has been handled: as long as its notification is there, also after the inbox has forgotten it.
    func isHandled(_ id: String, by consumer: String) async throws -> Bool {
        try await pool.query(
            "SELECT notifications",
            """
            SELECT EXISTS (SELECT FROM notifications WHERE id = \(id))
                OR EXISTS (SELECT FROM inbox WHERE consumer = \(consumer) AND event_id = \(id)) AS handled
            """
        ).first?.decode(Bool.self, "handled") ?? false
    }

    /// Stores where the time of a notification went, unless that is stored already.
    ///
    /// - Returns: Whether it was new.
    func complete(_ id: String, _ journey: CompletedJourney) async throws -> Bool {
        func nanoseconds(_ stage: Stage) -> Int64 { Int64(clamping: journey.stages[stage] ?? 0) }
        return try await pool.query(
            "UPDATE notifications",
            """
            UPDATE notifications SET
                completed_at = \(PostgresTimestamp(nanosecondsSinceEpoch: Int64(clamping: journey.end))),
                accept_ns = \(nanoseconds(.accept)), outbox_wait_ns = \(nanoseconds(.outboxWait)),
                publish_ns = \(nanoseconds(.publish)), stream_wait_ns = \(nanoseconds(.streamWait)),
                redelivery_wait_ns = \(nanoseconds(.redeliveryWait)), lookup_ns = \(nanoseconds(.lookup)),
                deliver_ns = \(nanoseconds(.deliver)), record_ns = \(nanoseconds(.record)),
                skew_ns = \(Int64(clamping: journey.skew)), late = \(journey.isLate),
                cause = \(journey.cause?.rawValue), cause_reason = \(journey.causeReason)
            WHERE id = \(id) AND completed_at IS NULL
            """
        ).affectedRows > 0
    }

    /// How many notifications and dead letters the database knows.
    struct Totals: Sendable {
        var delivered: Int64
        /// Without those that were sent on their way again.
        var deadLettered: Int64
        /// Up to which position nothing is missing any more, and how many notifications there are up to there.
        fileprivate var settled: (position: Int64, count: Int64)
    }

    /// Counts, reading only what is new.
    ///
    /// Positions are given out before the commit, so that a smaller one may appear later; ten minutes are longer than any
    /// transaction of ours can last.
    func totals(since known: Totals?) async throws -> Totals {
        let settled = known?.settled ?? (position: 0, count: 0)
        let row = try await pool.query(
            "SELECT notifications",
            // Younger ones may have positions below that of the youngest old one: they are counted by position, not by age.
            """
            WITH settled AS (
                SELECT coalesce(max(position), \(settled.position)) AS position FROM notifications
                WHERE position > \(settled.position) AND delivered_at < now() - interval '10 minutes'
            )
            SELECT (SELECT position FROM settled) AS position, count(*) AS fresh,
                count(*) FILTER (WHERE position <= (SELECT position FROM settled)) AS old,
                (SELECT count(*) FROM dead_letters WHERE redriven_at IS NULL) AS dead
            FROM notifications WHERE position > \(settled.position)
            """
        ).first
        guard let row else { return Totals(delivered: settled.count, deadLettered: 0, settled: settled) }
        return Totals(
            delivered: settled.count + (try row.decode(Int64.self, "fresh")),
            deadLettered: try row.decode(Int64.self, "dead"),
            settled: (
                position: try row.decode(Int64.self, "position"),
                count: settled.count + (try row.decode(Int64.self, "old"))
            )
        )
    }
}
