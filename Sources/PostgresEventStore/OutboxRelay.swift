internal import EventSourcing
internal import Foundation
public import Logging
public import Postgres
private import Synchronization

/// Publishes what waits in the outbox and deletes what was acknowledged.
///
/// One relay of a database works at a time: it holds a session lock, and deletes on the session that holds it, so a relay
/// that lost its session cannot delete any more. Events of one aggregate are published in order, one after the other;
/// different aggregates at the same time. An event that cannot be published holds back its aggregate only.
public final class OutboxRelay: Sendable {
    /// How the relay works.
    public struct Configuration: Sendable {
        /// The most events of one round.
        public var batchSize = 256
        /// The most aggregates whose events are published at the same time.
        public var concurrency = 32
        /// How long the relay waits when nobody nudges it.
        public var pollInterval = Duration.milliseconds(100)
        /// From when on an event that waits is overdue.
        public var overdueAfter = Duration.seconds(10)
        /// The delay after a number of failures of one event.
        public var retryDelay: @Sendable (Int) -> Duration = { failures in
            min(.seconds(5), .milliseconds(100) * (1 << min(failures, 8)))
        }

        /// Creates the defaults.
        public init() {}
    }

    /// Publishes one event and returns when it is stored.
    public typealias Publish = @Sendable (OutboxMessage) async throws -> Void

    private let pool: PostgresPool
    private let configuration: Configuration
    private let logger: Logger
    private let publish: Publish
    private let wakeUp = WakeUp()
    private let state = Mutex(State())

    private struct State {
        var isStopping = false
        var isActive = false
        var backlog = OutboxBacklog()
        /// How often the relay has lost the database since it last worked.
        var failures = 0

        /// What another relay publishes from now on is not this one's to report.
        mutating func deactivate() {
            isActive = false
            backlog = OutboxBacklog()
        }
    }

    /// Any number that nothing else in these databases uses.
    private static let lock: Int64 = 4_711_202_611

    /// Creates a relay, which does nothing until it runs.
    ///
    /// - Parameters:
    ///   - pool: The database; one connection is kept for the relay.
    ///   - configuration: How it works.
    ///   - logger: Where it tells what an operator needs to know.
    ///   - publish: Publishes one event.
    public init(
        pool: PostgresPool,
        configuration: Configuration = Configuration(),
        logger: Logger,
        publish: @escaping Publish
    ) {
        self.pool = pool
        self.configuration = configuration
        self.logger = logger
        self.publish = publish
    }

    /// What waited when the relay last looked.
    public var backlog: OutboxBacklog { state.withLock { $0.backlog } }

    /// Whether this process's relay holds the lock.
    public var isActive: Bool { state.withLock { $0.isActive } }

    /// Makes the relay look now.
    public func nudge() {
        wakeUp.signal()
    }

    /// Makes ``run()`` finish its round and return.
    public func beginShutdown() {
        state.withLock { $0.isStopping = true }
        wakeUp.signal()
    }

    /// Relays until the shutdown or until the task is cancelled; survives every loss of the database.
    public func run() async throws {
        defer { state.withLock { $0.deactivate() } }
        while !isStopping {
            do {
                try await pool.withConnection { connection in
                    try await self.relay(on: connection)
                }
            } catch {
                if isStopping { return }
                let failures = state.withLock { state in
                    state.deactivate()
                    state.failures += 1
                    return state.failures
                }
                if failures == 1 {
                    logger.warning("outbox relay waits for the database", metadata: ["reason": "\(error)"])
                }
                await wakeUp.wait(upTo: configuration.retryDelay(failures))
            }
        }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } || Task.isCancelled }

    /// Works on one session until it breaks or the relay stops.
    private func relay(on connection: PostgresConnection) async throws {
        // The connection knows of the lock, so that the pool closes it and does not lend it on when the relay fails.
        while !isStopping, try await !connection.tryAdvisoryLock(Self.lock) {
            // Another process relays; it may stop at any time.
            await wakeUp.wait(upTo: .seconds(1))
        }
        guard !isStopping else { return }
        state.withLock { $0.isActive = true }
        logger.info("outbox relay is active")
        var nextLook = ContinuousClock.now
        while !isStopping {
            let count = try await relayBatch(on: connection)
            state.withLock { $0.failures = 0 }
            if ContinuousClock.now >= nextLook {
                try await refreshBacklog(on: connection)
                nextLook = ContinuousClock.now + .seconds(1)
            }
            if count == 0 { await wakeUp.wait(upTo: configuration.pollInterval) }
        }
        // A last look, so that what was committed while stopping need not wait for the next start.
        _ = try await relayBatch(on: connection)
        state.withLock { $0.deactivate() }
        try await connection.advisoryUnlock(Self.lock)
    }

    /// Publishes one batch.
    ///
    /// - Returns: How many events were published.
    private func relayBatch(on connection: PostgresConnection) async throws -> Int {
        let messages = try await dueMessages(on: connection)
        guard !messages.isEmpty else { return 0 }
        // Order within an aggregate is the order of positions, which follows the order of versions.
        let aggregates = Dictionary(grouping: messages, by: \.aggregateID).values
        var published: [UUID] = []
        var failures: [(message: OutboxMessage, error: any Error)] = []
        await withTaskGroup(of: ([UUID], (OutboxMessage, any Error)?).self) { group in
            var running = 0
            func collect() async {
                guard let (done, failure) = await group.next() else { return }
                published.append(contentsOf: done)
                if let failure { failures.append(failure) }
            }
            for aggregate in aggregates {
                if running >= configuration.concurrency { await collect() } else { running += 1 }
                group.addTask { await self.publishInOrder(aggregate) }
            }
            for _ in 0..<running { await collect() }
        }
        if !published.isEmpty {
            // Nobody else counts: the relay that works is the only one. What is gone and what is counted agree at any time.
            _ = try await connection.query(
                "DELETE outbox",
                """
                WITH gone AS (DELETE FROM outbox WHERE id = ANY(\(published)::uuid[]) RETURNING 1)
                UPDATE outbox_totals SET published = published + (SELECT count(*) FROM gone)
                """
            )
        }
        for (message, error) in failures {
            try await postpone(message, after: error, on: connection)
        }
        return published.count
    }

    private func publishInOrder(_ messages: [OutboxMessage]) async -> ([UUID], (OutboxMessage, any Error)?) {
        var published: [UUID] = []
        for message in messages {
            do {
                try await publish(message)
                published.append(message.id)
            } catch {
                return (published, (message, error))
            }
        }
        return (published, nil)
    }

    private func postpone(
        _ message: OutboxMessage,
        after error: any Error,
        on connection: PostgresConnection
    ) async throws {
        let delay = configuration.retryDelay(message.attempts + 1)
        logger.warning(
            "event was not published, will be tried again",
            metadata: [
                "event.id": "\(message.id)", "event.type": "\(message.event.type)",
                "attempts": "\(message.attempts + 1)", "delay": "\(delay)", "reason": "\(error)",
            ]
        )
        _ = try await connection.query(
            "UPDATE outbox",
            """
            UPDATE outbox SET attempts = attempts + 1, last_error = \(String("\(error)".prefix(500))),
                next_attempt_at = clock_timestamp() + make_interval(secs => \(delay / .seconds(1)))
            WHERE id = \(message.id)
            """
        )
    }

    /// The oldest events whose aggregates are not held back.
    private func dueMessages(on connection: PostgresConnection) async throws -> [OutboxMessage] {
        let rows = try await connection.query(
            "SELECT outbox",
            """
            SELECT id, aggregate_id, version, type, schema_version, payload, headers, recorded_at, attempts
            FROM outbox AS message
            -- One time for all rows: with a running clock an event can be held back when it is looked at, and due a moment
            -- later when its successor is, which would then overtake it.
            WHERE next_attempt_at <= statement_timestamp() AND NOT EXISTS (
                SELECT FROM outbox AS earlier
                WHERE earlier.aggregate_id = message.aggregate_id AND earlier.position < message.position
                    AND earlier.next_attempt_at > statement_timestamp()
            )
            ORDER BY position LIMIT \(configuration.batchSize)
            """
        )
        return try rows.map { row in
            OutboxMessage(
                id: try row.decode(UUID.self, "id"),
                aggregateID: try row.decode(String.self, "aggregate_id"),
                version: try row.decode(Int.self, "version"),
                event: EncodedEvent(
                    type: try row.decode(String.self, "type"),
                    schemaVersion: try row.decode(Int.self, "schema_version"),
                    payload: try row.decode([UInt8].self, "payload")
                ),
                headers: try Headers.decode(try row.decode(String.self, "headers")),
                recordedAt: UInt64(
                    clamping: try row.decode(PostgresTimestamp.self, "recorded_at").nanosecondsSinceEpoch
                ),
                attempts: try row.decode(Int.self, "attempts")
            )
        }
    }

    private func refreshBacklog(on connection: PostgresConnection) async throws {
        let rows = try await connection.query(
            "SELECT outbox backlog",
            """
            SELECT count(*) AS depth, min(recorded_at) AS oldest,
                count(*) FILTER (
                    WHERE recorded_at < now() - make_interval(secs => \(configuration.overdueAfter / .seconds(1)))
                ) AS overdue,
                (SELECT published FROM outbox_totals) + count(*) AS queued
            FROM outbox
            """
        )
        guard let row = rows.first else { return }
        var backlog = OutboxBacklog()
        backlog.depth = try row.decode(Int.self, "depth")
        backlog.oldest = try row.decode(PostgresTimestamp?.self, "oldest").map {
            UInt64(clamping: $0.nanosecondsSinceEpoch)
        }
        backlog.overdue = try row.decode(Int.self, "overdue")
        backlog.queued = try row.decode(Int.self, "queued")
        state.withLock { $0.backlog = backlog }
    }
}
