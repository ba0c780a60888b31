/// The logic of the pool without clock, lock or socket: events go in, actions come out.
///
/// - A connection is connecting, idle or leased. Idle ones are leased last in, first out, because the last one's
///   prepared statements are warm.
/// - Tasks wait in order of arrival, each with a deadline.
/// - While the server is away nobody waits in vain: once an attempt to connect has failed and no connection is
///   established, requests fail at once, until an attempt succeeds. Attempts go on in the background with exponential
///   backoff. Before the first attempt has ended, requests wait. Patient requests wait through all of it.
/// - One connection is always kept open or is being opened, so that the server's return is noticed.
struct PoolStateMachine {
    typealias ConnectionID = UInt64
    typealias WaiterID = UInt64

    struct Settings: Sendable {
        var maximumConnections = 8
        var maximumWaiters = 10_000
        var minimumBackoff = Duration.milliseconds(50)
        var maximumBackoff = Duration.seconds(2)
    }

    enum Refusal: Sendable, Equatable {
        /// All connections were in use until the deadline.
        case exhausted
        /// Too many tasks wait already.
        case tooManyWaiters
        /// The last attempt to connect has failed and no connection is established.
        case unavailable
        /// The pool is shut down.
        case closed
    }

    enum Action: Sendable, Equatable {
        case connect(ConnectionID)
        case close(ConnectionID)
        case grant(WaiterID, ConnectionID)
        case refuse(WaiterID, Refusal)
        /// The server can be reached, for the first time or again.
        case announceAvailable
        /// The server can no longer be reached.
        case announceUnavailable(retryIn: Duration)
        /// No connection is left after a shutdown.
        case stopped
    }

    enum Acquisition: Sendable, Equatable {
        case granted(ConnectionID)
        case refused(Refusal)
        case waiting
    }

    private enum Slot { case connecting, idle, leased }
    private enum Phase: Equatable {
        case running
        case draining(deadline: Moment)
        case stopped
    }
    private enum Availability { case unknown, available, unavailable }
    private struct Waiter {
        var deadline: Moment
        var isPatient: Bool
    }

    private let settings: Settings
    private var phase = Phase.running
    private var availability = Availability.unknown
    private var slots: [ConnectionID: Slot] = [:]
    private var idle: [ConnectionID] = []
    private var connectingCount = 0
    private var waiters: [WaiterID: Waiter] = [:]
    /// The waiters in order of arrival; some may have left.
    private var queue: [WaiterID] = []
    private var queueStart = 0
    private var lastConnection: ConnectionID = 0
    private var failures = 0
    private var retryAt: Moment?

    init(settings: Settings) {
        self.settings = settings
    }

    // MARK: - What it is like

    var statistics: PostgresPoolStatistics {
        PostgresPoolStatistics(
            idle: idle.count,
            used: establishedCount - idle.count,
            pending: waiters.count,
            maximum: settings.maximumConnections
        )
    }

    var isStopped: Bool { phase == .stopped }

    private var establishedCount: Int { slots.count - connectingCount }

    /// When ``tick(now:)`` is due.
    var nextDeadline: Moment {
        var deadline = waiters.values.map(\.deadline).min() ?? .never
        if let retryAt { deadline = min(deadline, retryAt) }
        if case .draining(let end) = phase { deadline = min(deadline, end) }
        return deadline
    }

    // MARK: - Requests

    /// Opens the first connection.
    mutating func start() -> [Action] {
        phase == .running ? openConnections() : []
    }

    /// A task wants a connection, at once.
    ///
    /// - Returns: `nil` if it has to wait.
    mutating func acquireAtOnce() -> ConnectionID? {
        guard phase == .running, waiters.isEmpty, let id = idle.popLast() else { return nil }
        slots[id] = .leased
        return id
    }

    /// A task wants a connection, and waits for it if it may.
    mutating func acquire(
        _ waiter: WaiterID,
        deadline: Moment,
        isPatient: Bool = false
    ) -> (Acquisition, [Action]) {
        guard phase == .running else { return (.refused(.closed), []) }
        if let id = acquireAtOnce() { return (.granted(id), []) }
        if availability == .unavailable, !isPatient { return (.refused(.unavailable), []) }
        guard waiters.count < settings.maximumWaiters else { return (.refused(.tooManyWaiters), []) }
        waiters[waiter] = Waiter(deadline: deadline, isPatient: isPatient)
        queue.append(waiter)
        return (.waiting, openConnections())
    }

    /// A waiting task was cancelled.
    ///
    /// - Returns: whether it still waited.
    mutating func cancel(_ waiter: WaiterID) -> Bool {
        waiters.removeValue(forKey: waiter) != nil
    }

    /// A task gives a connection back.
    ///
    /// - Parameter isReusable: whether somebody else may have it; otherwise it is closed.
    mutating func release(_ id: ConnectionID, isReusable: Bool) -> [Action] {
        guard slots[id] == .leased else { return [] }
        return isReusable && phase == .running ? offer(id) : remove(id)
    }

    // MARK: - Connections

    /// A connection is open.
    mutating func connected(_ id: ConnectionID) -> [Action] {
        guard slots[id] == .connecting else { return [.close(id)] }
        connectingCount -= 1
        failures = 0
        retryAt = nil
        var actions: [Action] = []
        if availability != .available {
            availability = .available
            actions.append(.announceAvailable)
        }
        return actions + offer(id) + openConnections()
    }

    /// A connection could not be opened.
    ///
    /// - Parameter jitter: a random number from 0 to 1, which shortens the pause by up to a half.
    mutating func connectFailed(_ id: ConnectionID, now: Moment, jitter: Double) -> [Action] {
        guard slots[id] == .connecting else { return [] }
        connectingCount -= 1
        slots[id] = nil
        guard phase == .running else { return [.close(id)] + stopIfEmpty() }

        // Attempts that failed together count once.
        if retryAt == nil { failures += 1 }
        let backoff = min(settings.maximumBackoff, settings.minimumBackoff * (1 << min(failures - 1, 20)))
        let pause = backoff * (1 - 0.5 * jitter)
        if retryAt == nil { retryAt = now + pause }

        var actions = [Action.close(id)]
        guard establishedCount == 0 else { return actions }
        if availability != .unavailable {
            availability = .unavailable
            actions.append(.announceUnavailable(retryIn: pause))
        }
        for waiter in takeImpatientWaiters() {
            actions.append(.refuse(waiter, .unavailable))
        }
        return actions
    }

    /// A connection that was open has ended by itself. A leased one goes when it is given back.
    mutating func lost(_ id: ConnectionID) -> [Action] {
        guard slots[id] == .idle else { return [] }
        idle.removeAll { $0 == id }
        return remove(id)
    }

    // MARK: - Time

    /// A deadline may have come.
    mutating func tick(now: Moment) -> [Action] {
        var actions: [Action] = []
        let late = waiters.filter { $0.value.deadline <= now }.keys.sorted()
        for waiter in late {
            waiters[waiter] = nil
            actions.append(.refuse(waiter, availability == .unavailable ? .unavailable : .exhausted))
        }
        if let retryAt, retryAt <= now {
            self.retryAt = nil
            actions += openConnections()
        }
        if case .draining(let deadline) = phase, deadline <= now { actions += closeAll() }
        return actions
    }

    // MARK: - The end

    /// Refuses all requests from now on, and closes every connection, the leased ones when they are given back or at
    /// the deadline.
    mutating func shutDown(deadline: Moment) -> [Action] {
        switch phase {
        case .stopped:
            return []
        case .draining(let earlier):
            phase = .draining(deadline: min(earlier, deadline))
            return []
        case .running:
            phase = .draining(deadline: deadline)
        }
        retryAt = nil
        var actions = waiters.keys.sorted().map { Action.refuse($0, .closed) }
        waiters = [:]
        queue = []
        queueStart = 0
        for (id, slot) in slots.sorted(by: { $0.key < $1.key }) where slot != .leased {
            if slot == .connecting { connectingCount -= 1 }
            slots[id] = nil
            actions.append(.close(id))
        }
        idle = []
        return actions + stopIfEmpty()
    }

    /// Closes every connection now.
    mutating func closeAll() -> [Action] {
        var actions = shutDown(deadline: Moment(nanoseconds: 0))
        for id in slots.keys.sorted() {
            actions.append(.close(id))
        }
        slots = [:]
        return actions + stopIfEmpty()
    }
}

extension PoolStateMachine {
    /// Gives an open connection to the first waiter, or keeps it idle.
    private mutating func offer(_ id: ConnectionID) -> [Action] {
        guard let waiter = takeFirstWaiter() else {
            slots[id] = .idle
            idle.append(id)
            return []
        }
        slots[id] = .leased
        return [.grant(waiter, id)]
    }

    private mutating func remove(_ id: ConnectionID) -> [Action] {
        slots[id] = nil
        return [.close(id)] + (phase == .running ? openConnections() : stopIfEmpty())
    }

    private mutating func stopIfEmpty() -> [Action] {
        guard phase != .running, phase != .stopped, slots.isEmpty else { return [] }
        phase = .stopped
        return [.stopped]
    }

    /// Opens as many connections as the waiters need; during a pause none, and while the server is away one.
    private mutating func openConnections() -> [Action] {
        guard retryAt == nil else { return [] }
        let demand = availability == .unavailable ? 1 : waiters.count
        let wanted = max(demand, establishedCount == 0 ? 1 : 0)
        var actions: [Action] = []
        while connectingCount < wanted, slots.count < settings.maximumConnections {
            lastConnection += 1
            connectingCount += 1
            slots[lastConnection] = .connecting
            actions.append(.connect(lastConnection))
        }
        return actions
    }

    private mutating func takeFirstWaiter() -> WaiterID? {
        while queueStart < queue.count {
            let waiter = queue[queueStart]
            queueStart += 1
            if queueStart > 64, queueStart * 2 > queue.count {
                queue.removeFirst(queueStart)
                queueStart = 0
            }
            if waiters.removeValue(forKey: waiter) != nil { return waiter }
        }
        queue.removeAll(keepingCapacity: true)
        queueStart = 0
        return nil
    }

    private mutating func takeImpatientWaiters() -> [WaiterID] {
        let impatient = waiters.filter { !$0.value.isPatient }.keys.sorted()
        for waiter in impatient {
            waiters[waiter] = nil
        }
        return impatient
    }
}
