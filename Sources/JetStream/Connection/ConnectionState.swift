/// A message on its way to the writer thread.
struct OutgoingMessage: Sendable {
    var subject: String
    var reply: String?
    /// `nil` when there are none, which takes the short path through libnats.
    var headers: NATSHeaders?
    var payload: [UInt8]
    /// The request that this message makes, to be told when it cannot be sent.
    var request: UInt64?

    /// What the message counts for in the queue.
    var size: Int { payload.count + subject.utf8.count + 64 }
}

/// Work for the writer thread.
enum WriterCommand: Sendable {
    case send(OutgoingMessage)
    case subscribe(UInt64)
    case unsubscribe(UInt64)
    /// A round trip to the server, reported as the reply to a request.
    case flush(request: UInt64, timeout: Duration)
}

/// A subscription as it must exist on every new connection.
struct SubscriptionRegistration: Sendable {
    let subject: String
    let queueGroup: String?
    let handler: any SubscriptionHandler
}

/// What a subscription does with its messages and with news of the connection. Nothing here may block.
protocol SubscriptionHandler: AnyObject, Sendable {
    /// A message arrived; called on libnats' delivery thread.
    func received(_ message: borrowing IncomingMessage)
    /// The connection is gone and libnats reconnects.
    func connectionLost()
    /// The connection is back; what the server knew about outstanding requests is gone.
    ///
    /// `isNewServer` says that another server process answers than before: it may have forgotten recent deliveries.
    func connectionRestored(isNewServer: Bool)
    /// The server refuses what this connection publishes to `subject`, which may be requests of this subscription.
    func publishRefused(to subject: String, _ error: NATSError)
    /// The subscription has ended for good: refused by the server, or the connection was shut down.
    func ended(_ error: NATSError)
}

/// A caller that waits for a reply.
struct PendingRequest {
    let subject: String
    let timeout: Duration
    let deadline: ContinuousClock.Instant
    let continuation: CheckedContinuation<NATSMessage, any Error>
}

/// A caller that waits for room in the queue.
struct SpaceWaiter {
    let deadline: ContinuousClock.Instant?
    let continuation: CheckedContinuation<Void, any Error>
}

/// Everything that the threads and callers of one connection share.
struct ConnectionState {
    enum Phase: Equatable {
        case running
        case stopping(deadline: ContinuousClock.Instant)
        case stopped
    }

    var phase = Phase.running
    var status = NATSConnection.Status.connecting
    var maximumPayload = 1024 * 1024
    /// The identity of the server process of the newest connection.
    var serverID: String?
    private var lastID: UInt64 = 0

    // Callers.
    var connectWaiter: CheckedContinuation<Void, any Error>?
    var shutdownWaiters: [CheckedContinuation<Void, Never>] = []
    var requests: [UInt64: PendingRequest] = [:]
    var spaceWaiters: [UInt64: SpaceWaiter] = [:]
    var observers: [UInt64: AsyncStream<NATSConnection.Status>.Continuation] = [:]
    var subscriptions: [UInt64: SubscriptionRegistration] = [:]
    var inboxRefusal: NATSError?

    // The writer thread.
    private var queue: [WriterCommand] = []
    private var queuedBytes = 0
    private var writerIsParked = false
    var handleIsClosed = false
    var hasReportedDrop = false

    // The deadline thread.
    var alarms: [UInt64: Alarm] = [:]
    private var plannedWake: ContinuousClock.Instant?

    struct Alarm {
        let deadline: ContinuousClock.Instant
        let action: @Sendable () -> Void
    }

    var isRunning: Bool { phase == .running }

    mutating func makeID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Changes the status and tells the observers; a stopped connection stays closed.
    mutating func setStatus(_ new: NATSConnection.Status) -> Bool {
        guard status != new, status != .closed else { return false }
        status = new
        for observer in observers.values { observer.yield(new) }
        return true
    }

    // MARK: The queue

    func hasRoom(maximumMessages: Int, maximumBytes: Int) -> Bool {
        queue.count < maximumMessages && queuedBytes < maximumBytes
    }

    /// Appends work; returns whether the writer must be woken.
    mutating func enqueue(_ command: WriterCommand) -> Bool {
        queue.append(command)
        if case .send(let message) = command { queuedBytes += message.size }
        defer { writerIsParked = false }
        return writerIsParked
    }

    /// Exchanges the writer's empty array for all waiting work, or parks the writer when there is none.
    mutating func takeWork(into batch: inout [WriterCommand]) -> [SpaceWaiter] {
        guard !queue.isEmpty else {
            writerIsParked = true
            return []
        }
        swap(&queue, &batch)
        queuedBytes = 0
        writerIsParked = false
        guard !spaceWaiters.isEmpty else { return [] }
        defer { spaceWaiters.removeAll() }
        return Array(spaceWaiters.values)
    }

    mutating func unparkWriter() {
        writerIsParked = false
    }

    // MARK: Deadlines

    /// Notes a deadline; returns whether the deadline thread sleeps longer than that and must be woken.
    mutating func plan(_ deadline: ContinuousClock.Instant) -> Bool {
        if let plannedWake, plannedWake <= deadline { return false }
        plannedWake = deadline
        return true
    }

    /// What is due, and when to look again.
    struct Due {
        var requests: [PendingRequest] = []
        var spaceWaiters: [SpaceWaiter] = []
        var shutdownWaiters: [CheckedContinuation<Void, Never>] = []
        var alarms: [Alarm] = []
        var next: ContinuousClock.Instant?
    }

    /// Removes everything whose deadline has passed.
    ///
    /// The scan is linear. It runs only when the earliest known deadline passes, at most every `granularity`, so
    /// thousands of requests that time out one after the other cost a few scans, and requests that are answered none.
    mutating func takeDue(_ now: ContinuousClock.Instant, granularity: Duration) -> Due {
        var due = Due()
        func keep(_ deadline: ContinuousClock.Instant) {
            due.next = min(due.next ?? deadline, deadline)
        }
        for (id, request) in requests {
            if request.deadline <= now {
                due.requests.append(request)
                requests[id] = nil
            } else {
                keep(request.deadline)
            }
        }
        for (id, waiter) in spaceWaiters {
            guard let deadline = waiter.deadline else { continue }
            if deadline <= now {
                due.spaceWaiters.append(waiter)
                spaceWaiters[id] = nil
            } else {
                keep(deadline)
            }
        }
        for (id, alarm) in alarms {
            if alarm.deadline <= now {
                due.alarms.append(alarm)
                alarms[id] = nil
            } else {
                keep(alarm.deadline)
            }
        }
        if case .stopping(let deadline) = phase, !shutdownWaiters.isEmpty {
            if deadline <= now {
                swap(&due.shutdownWaiters, &shutdownWaiters)
            } else {
                keep(deadline)
            }
        }
        due.next = due.next.map { max($0, now + granularity) }
        plannedWake = due.next
        return due
    }
}
