internal import Logging
internal import Synchronization

/// The pool's state machine with its lock, its connections and its thread.
final class PoolCore: EventLoopDelegate {
    private struct State {
        var machine: PoolStateMachine
        var loop: EventLoop?
        var connections: [UInt64: ServerConnection] = [:]
        var toOpen: [ServerConnection] = []
        var waiters: [UInt64: CheckedContinuation<ServerConnection, any Error>] = [:]
        var lastWaiter: UInt64 = 0
        var stopWaiters: [CheckedContinuation<Void, Never>] = []
        var lastFailure: PostgresError?
    }

    /// What is left to do once the lock is released.
    private struct Effects: Sendable {
        var granted: [(CheckedContinuation<ServerConnection, any Error>, ServerConnection)] = []
        var refused: [(CheckedContinuation<ServerConnection, any Error>, any Error)] = []
        var closing: [ServerConnection] = []
        var announcements: [PoolStateMachine.Action] = []
        var lastFailure: PostgresError?
        var stopped: [CheckedContinuation<Void, Never>] = []
        var stoppedLoop: EventLoop?
        var wakes: EventLoop?
    }

    private let configuration: PostgresConfiguration
    private let logger: Logger
    private let state: Mutex<State>

    init(configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        let settings = PoolStateMachine.Settings(
            maximumConnections: max(1, configuration.maximumConnections),
            maximumWaiters: max(0, configuration.maximumWaiters)
        )
        state = Mutex(State(machine: PoolStateMachine(settings: settings)))
    }

    var statistics: PostgresPoolStatistics {
        state.withLock(\.machine.statistics)
    }

    // MARK: - Leases

    /// Takes a connection if one is idle.
    func acquireAtOnce() -> ServerConnection? {
        state.withLock { state in
            state.machine.acquireAtOnce().flatMap { state.connections[$0] }
        }
    }

    /// Takes a connection, and waits for it until the deadline.
    ///
    /// - Parameter isPatient: whether to wait while the server is away.
    func acquire(deadline: Moment, isPatient: Bool) async throws -> ServerConnection {
        let waiter = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enqueue(waiter, continuation, deadline: deadline, isPatient: isPatient)
            }
        } onCancel: {
            cancel(waiter)
        }
    }

    private func enqueue(
        _ waiter: UInt64,
        _ continuation: CheckedContinuation<ServerConnection, any Error>,
        deadline: Moment,
        isPatient: Bool
    ) {
        let (effects, loop) = state.withLock { state -> (Effects, EventLoop?) in
            var effects = Effects()
            // A cancellation from here on finds the waiter; an earlier one is seen here.
            guard !Task.isCancelled else {
                effects.refused.append((continuation, CancellationError()))
                return (effects, nil)
            }
            do {
                try startLoop(&state)
            } catch {
                effects.refused.append((continuation, error))
                return (effects, nil)
            }
            state.waiters[waiter] = continuation
            let (acquisition, actions) = state.machine.acquire(waiter, deadline: deadline, isPatient: isPatient)
            switch acquisition {
            case .waiting: break
            case .granted(let id): apply(.grant(waiter, id), &state, &effects)
            case .refused(let refusal): apply(.refuse(waiter, refusal), &state, &effects)
            }
            for action in actions { apply(action, &state, &effects) }
            return (effects, acquisition == .waiting ? state.loop : nil)
        }
        perform(effects)
        loop?.wake(at: deadline)
    }

    private func cancel(_ waiter: UInt64) {
        let continuation = state.withLock { state in
            state.machine.cancel(waiter) ? state.waiters.removeValue(forKey: waiter) : nil
        }
        continuation?.resume(throwing: CancellationError())
    }

    /// Gives a connection back; one that is not as new is closed.
    func release(_ connection: ServerConnection, isReusable: Bool) {
        let isReusable = isReusable && connection.transactionStatus == .none
        update { $0.release(connection.id, isReusable: isReusable) }
    }

    // MARK: - Life

    /// Starts the thread and opens the first connection.
    func start() throws {
        let effects = try state.withLock { state in
            try startLoop(&state)
            var effects = Effects()
            for action in state.machine.start() { apply(action, &state, &effects) }
            return effects
        }
        perform(effects)
    }

    private func startLoop(_ state: inout State) throws {
        guard state.loop == nil, !state.machine.isStopped else { return }
        let loop = try EventLoop()
        state.loop = loop
        loop.start(self)
    }

    /// Shuts down; leased connections get until `deadline` to come back.
    func beginShutdown(deadline: Moment) {
        update { $0.shutDown(deadline: deadline) }
        state.withLock(\.loop)?.wake(at: deadline)
    }

    /// Closes everything now.
    func closeAll() {
        update { $0.closeAll() }
    }

    /// Waits until the pool is shut down and its connections are closed.
    func waitUntilStopped() async {
        await withCheckedContinuation { continuation in
            let isStopped = state.withLock { state in
                if !state.machine.isStopped { state.stopWaiters.append(continuation) }
                return state.machine.isStopped
            }
            if isStopped { continuation.resume() }
        }
    }

    // MARK: - The event loop's thread

    func socketReady(_ id: UInt64, readable: Bool, writable: Bool) {
        guard let connection = state.withLock({ $0.connections[id] }) else { return }
        handle(connection.socketReady(readable: readable, writable: writable), of: id)
    }

    func service(now: Moment) -> Moment {
        let toOpen = state.withLock { state in
            defer { state.toOpen = [] }
            return state.toOpen
        }
        for connection in toOpen {
            let deadline = Moment.now + configuration.connectTimeout
            handle(connection.open(configuration.connectionParameters, deadline: deadline), of: connection.id)
        }
        update { $0.tick(now: now) }

        var next = Moment.never
        for connection in state.withLock({ Array($0.connections.values) }) {
            let (deadline, event) = connection.checkDeadline(now: now)
            next = min(next, deadline)
            handle(event, of: connection.id)
        }
        return min(next, state.withLock(\.machine.nextDeadline))
    }

    private func handle(_ event: ServerConnection.Event, of id: UInt64) {
        switch event {
        case .nothing:
            break
        case .established:
            logger.debug("PostgreSQL connection opened", metadata: ["postgres.connection.id": "\(id)"])
            update { $0.connected(id) }
        case .failed(let error):
            let jitter = Double.random(in: 0...1)
            update(failure: error) { $0.connectFailed(id, now: .now, jitter: jitter) }
            let (loop, deadline) = state.withLock { ($0.loop, $0.machine.nextDeadline) }
            loop?.wake(at: deadline)
        case .lost(let error):
            logger.debug(
                "PostgreSQL connection lost",
                metadata: ["postgres.connection.id": "\(id)", "error": "\(error)"]
            )
            update { $0.lost(id) }
        }
    }

    // MARK: - Actions

    private func update(
        failure: PostgresError? = nil,
        _ event: (inout PoolStateMachine) -> [PoolStateMachine.Action]
    ) {
        let effects = state.withLock { state in
            if let failure { state.lastFailure = failure }
            var effects = Effects()
            for action in event(&state.machine) { apply(action, &state, &effects) }
            return effects
        }
        perform(effects)
    }

    private func apply(_ action: PoolStateMachine.Action, _ state: inout State, _ effects: inout Effects) {
        switch action {
        case .connect(let id):
            guard let loop = state.loop else { return }
            let connection = ServerConnection(
                id: id,
                loop: loop,
                maximumPreparedStatements: configuration.maximumPreparedStatements
            )
            state.connections[id] = connection
            state.toOpen.append(connection)
            effects.wakes = loop
        case .close(let id):
            if let connection = state.connections.removeValue(forKey: id) { effects.closing.append(connection) }
        case .grant(let waiter, let id):
            guard let continuation = state.waiters.removeValue(forKey: waiter),
                let connection = state.connections[id]
            else { return }
            effects.granted.append((continuation, connection))
        case .refuse(let waiter, let refusal):
            guard let continuation = state.waiters.removeValue(forKey: waiter) else { return }
            effects.refused.append((continuation, error(refusal, cause: state.lastFailure)))
        case .announceAvailable, .announceUnavailable:
            effects.announcements.append(action)
            effects.lastFailure = state.lastFailure
        case .stopped:
            effects.stopped = state.stopWaiters
            state.stopWaiters = []
            effects.stoppedLoop = state.loop
            state.loop = nil
            state.connections = [:]
        }
    }

    private func perform(_ effects: Effects) {
        for (continuation, connection) in effects.granted { continuation.resume(returning: connection) }
        for (continuation, error) in effects.refused { continuation.resume(throwing: error) }
        for connection in effects.closing {
            connection.close(PostgresError(.closed, "the pool has closed the connection"))
        }
        for announcement in effects.announcements { announce(announcement, effects.lastFailure) }
        effects.wakes?.wake()
        effects.stoppedLoop?.stop()
        for continuation in effects.stopped { continuation.resume() }
    }

    private func announce(_ action: PoolStateMachine.Action, _ failure: PostgresError?) {
        let target: Logger.Metadata = [
            "server.address": "\(configuration.host)",
            "server.port": "\(configuration.port)",
            "db.namespace": "\(configuration.database)",
        ]
        switch action {
        case .announceUnavailable(let pause):
            let details: Logger.Metadata = [
                "error": "\(failure?.message ?? "no reason known")",
                "retry.in": "\(pause.milliseconds) ms",
            ]
            logger.warning(
                "PostgreSQL is unavailable; retrying in the background",
                metadata: target.merging(details) { $1 }
            )
        case .announceAvailable:
            logger.info("PostgreSQL is available", metadata: target)
        case .connect, .close, .grant, .refuse, .stopped:
            break
        }
    }

    private func error(_ refusal: PoolStateMachine.Refusal, cause: PostgresError?) -> PostgresError {
        let target = "\(configuration.host):\(configuration.port)/\(configuration.database)"
        return switch refusal {
        case .exhausted:
            PostgresError(
                .poolExhausted,
                "all \(configuration.maximumConnections) connections to \(target) stayed in use; "
                    + "shorten transactions or raise maximumConnections"
            )
        case .tooManyWaiters:
            PostgresError(
                .poolExhausted,
                "\(configuration.maximumWaiters) tasks wait for a connection to \(target) already"
            )
        case .unavailable:
            PostgresError(.connectionUnavailable, "PostgreSQL at \(target) cannot be reached", cause: cause)
        case .closed:
            PostgresError(.closed, "the pool for \(target) is shut down")
        }
    }
}
