/// A message on its way to the writer thread.
struct OutgoingMessage: Sendable {
    let subject: String
    /// Where the answer goes; a request's is made from its number.
    let reply: String?
    /// The header block, when there is one, and the payload.
    let bytes: [UInt8]
    let headerLength: Int
    /// The request that this message makes, to be told when it cannot be sent.
    var request: UInt64?

    init(subject: String, reply: String? = nil, payload: [UInt8]) {
        self.subject = subject
        self.reply = reply
        bytes = payload
        headerLength = 0
    }

    init(_ message: EncodedMessage, reply: String? = nil, request: UInt64? = nil) {
        subject = message.subject
        self.reply = reply
        bytes = message.bytes
        headerLength = message.headerLength
        self.request = request
    }

    /// What the message counts for in the queue.
    var size: Int { bytes.count + subject.utf8.count + 64 }
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
    func received(_ message: consuming IncomingMessage)
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
    let receiver: Receiver

    /// Who waits.
    enum Receiver {
        case task(CheckedContinuation<NATSMessage, any Error>)
        case handler(any ReplyHandler)
    }

    /// Ends the wait with a reply.
    func succeed(_ message: consuming IncomingMessage) {
        switch receiver {
        case .task(let continuation): continuation.resume(returning: message.copy())
        case .handler(let handler): handler.replied(message)
        }
    }

    /// Ends the wait without one.
    func fail(_ error: any Error) {
        switch receiver {
        case .task(let continuation): continuation.resume(throwing: error)
        case .handler(let handler): handler.failed(error)
        }
    }
}

/// Takes the outcome of a request on the thread that has it, which it must not block; exactly one of the two is called.
protocol ReplyHandler: AnyObject, Sendable {
    func replied(_ message: borrowing IncomingMessage)
    func failed(_ error: any Error)
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

    // What has happened so far.
    var disconnects = 0
    var reconnects = 0
    var permissionDenials = 0
    var errors = 0
    private var sentMessages = 0
    private var sentBytes = 0

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
        if new == .reconnecting { disconnects += 1 }
        if new == .connected, status == .reconnecting { reconnects += 1 }
        status = new
        for observer in observers.values { observer.yield(new) }
        return true
    }

    /// The counters now, without those that the delivery threads keep.
    var statistics: NATSConnectionStatistics {
        NATSConnectionStatistics(
            status: status,
            disconnects: disconnects,
            reconnects: reconnects,
            permissionDenials: permissionDenials,
            errors: errors,
            sentMessages: sentMessages,
            sentBytes: sentBytes,
            queuedMessages: queue.count,
            queuedBytes: queuedBytes,
            pendingRequests: requests.count
        )
    }

    // MARK: The queue

    func hasRoom(maximumMessages: Int, maximumBytes: Int) -> Bool {
        queue.count < maximumMessages && queuedBytes < maximumBytes
    }

    /// Appends work; returns whether the writer must be woken.
    mutating func enqueue(_ command: WriterCommand) -> Bool {
        queue.append(command)
        if case .send(let message) = command {
            queuedBytes += message.size
            sentMessages += 1
            sentBytes += message.bytes.count
        }
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
