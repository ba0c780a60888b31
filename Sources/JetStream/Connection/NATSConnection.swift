public import Logging
internal import Synchronization

/// A connection to NATS that comes back by itself.
///
/// It wraps one libnats connection. Everything that can block runs on threads that it owns, nothing on Swift's
/// cooperative pool. A connection that is no longer referenced closes itself; `shutdown()` waits for that.
public final class NATSConnection: Sendable {
    let core: ConnectionCore

    private init(core: ConnectionCore) {
        self.core = core
    }

    deinit {
        core.beginShutdown(timeout: .seconds(2))
    }

    /// Connects, and keeps trying until a server answers or the task is cancelled.
    ///
    /// It logs a line when the wait begins and every 30 s of it.
    /// - Throws: `NATSError` at once for what waiting cannot heal: `.invalidConfiguration`, `.authenticationFailed` and
    ///   `.insecureTLS`; `CancellationError` when the task is cancelled.
    public static func connect(
        _ configuration: NATSConfiguration = NATSConfiguration(),
        logger: Logger
    ) async throws -> NATSConnection {
        let core = try ConnectionCore(configuration, logger: logger)
        try await core.start()
        return NATSConnection(core: core)
    }

    /// Where a connection is in its life.
    public enum Status: String, Sendable {
        /// The first connection does not stand yet.
        case connecting
        /// The server answers.
        case connected
        /// The connection is lost; messages are kept and sent when it is back.
        case reconnecting
        /// Shut down for good.
        case closed
    }

    /// Where the connection is now.
    public var status: Status { core.state.withLock { $0.status } }

    /// The largest message that the server accepts, in bytes.
    public var maximumPayload: Int { core.state.withLock { $0.maximumPayload } }

    /// What has happened on this connection so far; cheap enough for every scrape of metrics.
    public var statistics: NATSConnectionStatistics {
        var statistics = core.state.withLock { $0.statistics }
        core.counters.fill(&statistics)
        return statistics
    }

    /// Returns the status now and every change from here on; a slow reader misses all but the newest few.
    public func statusUpdates() -> AsyncStream<Status> {
        let (stream, continuation) = AsyncStream.makeStream(of: Status.self, bufferingPolicy: .bufferingNewest(8))
        let id = core.state.withLock { state -> UInt64? in
            continuation.yield(state.status)
            guard state.status != .closed else { return nil }
            let id = state.makeID()
            state.observers[id] = continuation
            return id
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak core] _ in
            _ = core?.state.withLock { $0.observers.removeValue(forKey: id) }
        }
        return stream
    }

    /// Publishes a message without acknowledgement: it returns when the message is queued.
    ///
    /// When the queue is full it waits for room.
    /// - Throws: `NATSError` for a message that cannot be sent, or after shutdown; `CancellationError`.
    public func publish(_ message: NATSMessage) async throws {
        let encoded = try EncodedMessage(subject: message.subject, headers: message.headers, payload: message.payload)
        try encoded.validate(maximumPayload: maximumPayload)
        if let reply = message.reply { try Subjects.validate(reply) }
        try await core.send(OutgoingMessage(encoded, reply: message.reply))
    }

    /// Sends a request and waits for the first reply.
    ///
    /// All requests of a connection share one inbox subscription. `message.reply` is not used.
    /// - Throws: `NATSError` with `.noResponders` when nobody listens, `.timeout` when no reply came in time (the
    ///   outcome is unknown, also across a lost connection), `.permissionDenied`, `.notSent`, `.closed`;
    ///   `CancellationError` at once when the task is cancelled.
    public func request(_ message: NATSMessage, timeout: Duration = .seconds(5)) async throws -> NATSMessage {
        let encoded = try EncodedMessage(subject: message.subject, headers: message.headers, payload: message.payload)
        return try await request(encoded, timeout: timeout)
    }

    func request(_ message: EncodedMessage, timeout: Duration) async throws -> NATSMessage {
        try message.validate(maximumPayload: maximumPayload)
        return try await core.request(message, timeout: timeout)
    }

    /// Waits until the server has seen everything that was queued before.
    ///
    /// - Throws: `NATSError` with `.timeout` when the round trip takes longer.
    public func flush(timeout: Duration = .seconds(5)) async throws {
        try await core.flush(timeout: timeout)
    }

    /// Shuts down: accepts nothing more, sends what is queued, drains, closes. Calling it again waits for the same end.
    ///
    /// Requests that are still waiting end with `.closed`. It returns after `timeout` at the latest, also when the
    /// server is away; what then still blocks inside libnats ends in the background.
    public func shutdown(timeout: Duration = .seconds(3)) async {
        await core.shutdown(timeout: timeout)
    }
}
