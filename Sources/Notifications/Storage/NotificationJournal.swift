internal import ContrailInstrumentation
internal import Observability
internal import PostgresEventStore

/// What became of deliveries, in the notifications database.
struct NotificationJournal: DeliveryJournal {
    let pool: PostgresPool
    let metrics: NotificationMetrics

    func attempts(atEvent id: String, by consumer: String) async throws -> [DeliveryAttempt] {
        try await pool.query(
            "SELECT attempts",
            "SELECT * FROM attempts WHERE consumer = \(consumer) AND event_id = \(id) ORDER BY number"
        ).map(DeliveryAttempt.init)
    }

    func keep(_ attempt: DeliveryAttempt, atEvent id: String, by consumer: String) async throws {
        _ = try await pool.query(
            "INSERT attempts",
            // A number that is there is that of an attempt which another process made at the same time.
            """
            INSERT INTO attempts (consumer, event_id, number, started_at, looked_up_at, delivered_at, failed_at, reason,
                delay_seconds, traceparent)
            VALUES (\(consumer), \(id), \(attempt.number), \(PostgresTimestamp(attempt.times.start)),
                \(attempt.times.lookedUp.map(PostgresTimestamp.init)),
                \(attempt.times.delivered.map(PostgresTimestamp.init)), \(PostgresTimestamp(attempt.failedAt)),
                \(attempt.reason), \(attempt.delay / .seconds(1)), \(TraceParent(attempt.span).description))
            ON CONFLICT DO NOTHING
            """
        )
    }

    func keep(_ notice: DeadLetterNotice, by consumer: String) async throws {
        let isNew =
            try await pool.query(
                "INSERT dead_letters",
                """
                INSERT INTO dead_letters AS known (consumer, event_id, event_type, reason, error_type, attempts)
                VALUES (\(consumer), \(notice.event.id), \(notice.event.type), \(notice.reason), \(notice.errorType),
                    \(notice.attempts))
                ON CONFLICT ON CONSTRAINT dead_letters_event DO UPDATE
                    SET reason = excluded.reason, error_type = excluded.error_type, attempts = excluded.attempts,
                        dead_at = excluded.dead_at, redriven_at = NULL
                    WHERE known.redriven_at IS NOT NULL
                """
            ).affectedRows > 0
        if isNew { metrics.deadLettered(because: notice.reason, span: ActiveContext.current.exportedContext) }
    }

    /// Notes whether an event that was given up is on its way again.
    ///
    /// Before it is sent: afterwards it may have been given up once more.
    func redriven(_ isRedriven: Bool, _ eventID: String, by consumer: String) async throws {
        _ = try await pool.query(
            "UPDATE dead_letters",
            """
            UPDATE dead_letters SET redriven_at = CASE WHEN \(isRedriven) THEN clock_timestamp() END
            WHERE consumer = \(consumer) AND event_id = \(eventID)
            """
        )
    }

    /// Notes, in the transaction of the handler that succeeded, that an event which was given up is handled after all: the
    /// process that gave it up could not take it out of its stream.
    static func recovered(_ eventID: String, by consumer: String, in transaction: PostgresTransaction) async throws {
        _ = try await transaction.query(
            "UPDATE dead_letters",
            """
            UPDATE dead_letters SET redriven_at = clock_timestamp()
            WHERE consumer = \(consumer) AND event_id = \(eventID) AND redriven_at IS NULL
            """
        )
    }

    /// Forgets attempts of events that cannot come again.
    ///
    /// - Returns: How many were forgotten.
    func forget(olderThanDays days: Int) async throws -> Int {
        try await pool.query(
            "DELETE attempts",
            "DELETE FROM attempts WHERE failed_at < now() - make_interval(days => \(Int32(days)))"
        ).affectedRows
    }
}

extension DeliveryAttempt {
    init(_ row: PostgresRow) throws {
        func instant(_ column: String) throws -> UInt64? {
            try row.decode(PostgresTimestamp?.self, column).map { UInt64(clamping: $0.nanosecondsSinceEpoch) }
        }
        let traceParent = TraceParent(try row.decode(String.self, "traceparent"))
        self.init(
            number: try row.decode(Int.self, "number"),
            times: AttemptTimes(
                start: try instant("started_at") ?? 0,
                lookedUp: try instant("looked_up_at"),
                delivered: try instant("delivered_at")
            ),
            failedAt: try instant("failed_at") ?? 0,
            reason: try row.decode(String.self, "reason"),
            delay: .seconds(try row.decode(Double.self, "delay_seconds")),
            span: SpanContext(
                traceID: traceParent?.traceID ?? TraceID(high: 0, low: 0),
                spanID: traceParent?.spanID ?? SpanID(0),
                flags: traceParent?.flags ?? []
            )
        )
    }
}

extension PostgresTimestamp {
    /// Creates a timestamp from nanoseconds since the Unix epoch; the database keeps microseconds.
    init(_ nanoseconds: UInt64) {
        self.init(nanosecondsSinceEpoch: Int64(clamping: nanoseconds))
    }
}
