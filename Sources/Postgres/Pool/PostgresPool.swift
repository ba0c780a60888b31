public import Logging

/// A pool of connections to one database.
///
/// ```swift
/// let pool = PostgresPool(configuration: configuration, observer: observer, logger: logger)
/// async let running: Void = pool.run()
/// let rows = try await pool.query("SELECT users", "SELECT name FROM users WHERE id = \(id)")
/// await pool.shutdown()
/// ```
///
/// One thread serves all connections; statements are sent on the caller's thread without blocking it.
///
/// **While the server is away** requests fail at once with `.connectionUnavailable`: from a failed attempt to connect
/// while no connection is open, until an attempt succeeds. The pool tries again by itself, after 50 ms at first and 2 s
/// at most. Before the first attempt has ended, requests wait up to `acquireTimeout`.
///
/// **Cancellation** of the calling task ends a statement promptly with `CancellationError`. The connection is closed,
/// because what the server does is unknown then; the server notices within two seconds and stops the statement.
///
/// **A frozen server** ends statements with `.timeout` after `statementTimeout` and `unresponsiveMargin`.
public final class PostgresPool: Sendable {
    let core: PoolCore
    let configuration: PostgresConfiguration
    let reporter: StatementReporter
    let logger: Logger

    /// Creates a pool; nothing is opened before ``run()`` or the first request.
    ///
    /// - Parameters:
    ///   - configuration: where to connect, and the limits.
    ///   - observer: is told of each statement.
    ///   - logger: gets a line when the server goes away or comes back.
    public init(configuration: PostgresConfiguration, observer: any PostgresObserver, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        reporter = StatementReporter(observer: observer, configuration: configuration)
        core = PoolCore(configuration: configuration, logger: logger)
    }

    deinit {
        core.closeAll()
    }

    /// Opens the first connection and keeps the pool open until ``shutdown(timeout:)`` has ended.
    ///
    /// Cancellation closes the pool at once, and statements under way with it.
    ///
    /// - Throws: ``PostgresError`` with code `.connectionUnavailable` if the system refuses an epoll instance. An
    ///   absent server is no error: it is waited for.
    public func run() async throws {
        try core.start()
        await withTaskCancellationHandler {
            await core.waitUntilStopped()
        } onCancel: {
            core.closeAll()
        }
    }

    /// Refuses further requests, waits for the connections in use to come back, and closes all; idempotent.
    ///
    /// - Parameter timeout: how long to wait; the remaining connections are closed then.
    public func shutdown(timeout: Duration = .seconds(10)) async {
        core.beginShutdown(deadline: .now + timeout)
        await core.waitUntilStopped()
    }

    /// How the pool is used at this moment.
    public var statistics: PostgresPoolStatistics { core.statistics }

    /// Waits until a connection is open or idle, also while the server is away.
    ///
    /// - Throws: ``PostgresError`` with code `.connectionUnavailable` or `.poolExhausted` after `timeout`, or
    ///   `.closed`; `CancellationError` if the calling task is cancelled.
    public func waitUntilAvailable(timeout: Duration) async throws {
        let connection = try await core.acquire(deadline: .now + timeout, isPatient: true)
        core.release(connection, isReusable: true)
    }

    /// Asks the server for a sign of life, for a readiness probe. The observer is not told.
    ///
    /// - Parameter timeout: for taking a connection and for the answer, each.
    /// - Throws: ``PostgresError`` if there is none.
    public func check(timeout: Duration = .seconds(1)) async throws {
        let connection = try await core.acquire(deadline: .now + timeout, isPatient: false)
        defer { core.release(connection, isReusable: true) }
        _ = try await connection.send(Request(body: .query("SELECT 1"), deadline: .now + timeout))
    }
}
