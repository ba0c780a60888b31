/// Decides when a consumer asks for more messages, and what a status message of the server means.
///
/// It does no I/O and reads no clock. The server answers several waiting requests in turn, and a message does not say
/// which request brought it. So the state counts what all requests together still owe (`outstanding`), and a status
/// that ends a request says how much of it will never come.
struct PullState {
    typealias Instant = ContinuousClock.Instant

    /// A pull request to send.
    struct Request: Equatable {
        let id: UInt64
        let batch: Int
    }

    private struct Open {
        let id: UInt64
        let batch: Int
        let expiry: Instant
    }

    private let options: PullOptions
    private var open: [Open] = []
    private var lastID: UInt64 = 0
    private var lastActivity: Instant
    private var pausedUntil: Instant?
    private var failures = 0
    private(set) var outstanding = 0
    private(set) var missedHeartbeats = 0
    private(set) var isConnected: Bool
    private(set) var isStopped = false

    /// How long after its expiry a request may still be answered.
    private static let grace = Duration.seconds(2)

    init(_ options: PullOptions, isConnected: Bool, now: Instant) {
        self.options = options
        self.isConnected = isConnected
        lastActivity = now
    }

    // MARK: Asking

    /// Returns the request to send now, if one is due, and counts it as sent.
    mutating func pull(now: Instant, buffered: Int) -> Request? {
        expire(now)
        guard !isStopped, isConnected else { return nil }
        if let pausedUntil {
            guard now >= pausedUntil else { return nil }
            self.pausedUntil = nil
        }
        let known = outstanding + buffered
        guard known <= options.maximumBuffered / 2, known < options.maximumBuffered else { return nil }
        if outstanding == 0 { lastActivity = now }
        lastID += 1
        let request = Request(id: lastID, batch: options.maximumBuffered - known)
        open.append(Open(id: request.id, batch: request.batch, expiry: now + options.expires + Self.grace))
        outstanding += request.batch
        return request
    }

    /// When `pull` may have something new to do although nothing arrives.
    var nextDeadline: Instant? {
        if isStopped || !isConnected { return nil }
        if outstanding == 0 { return pausedUntil }
        let silence = lastActivity + options.idleHeartbeat * 2
        return min(pausedUntil ?? silence, silence)
    }

    /// Forgets requests that can no longer be answered.
    private mutating func expire(_ now: Instant) {
        guard outstanding > 0 else { return }
        let isSilent = now >= lastActivity + options.idleHeartbeat * 2
        if !isSilent, open.contains(where: { $0.expiry > now }) { return }
        if isSilent { missedHeartbeats += 1 }
        forgetRequests()
    }

    private mutating func forgetRequests() {
        open.removeAll()
        outstanding = 0
    }

    // MARK: Hearing

    mutating func receivedMessage(now: Instant) {
        lastActivity = now
        failures = 0
        // A request that was given up may still deliver: never count below zero.
        if outstanding > 0 { outstanding -= 1 }
        if outstanding == 0 { open.removeAll() }
    }

    /// What a status means for the reader.
    enum Outcome: Equatable {
        case proceed
        /// Nothing will ever come; the reason.
        case fail(String)
    }

    /// Notes a status message for a request; `pending` is the number of messages that it will not bring.
    mutating func receivedStatus(_ status: PullStatus, request id: UInt64?, pending: Int?, now: Instant) -> Outcome {
        lastActivity = now
        switch status {
        case .heartbeat:
            return .proceed
        case .ended:
            end(id, pending)
            failures = 0
        case .interrupted:
            // The request is gone, with all others that this server held.
            forgetRequests()
            pause(now)
        case .refused:
            end(id, pending)
            pause(now)
        case .unavailable(let reason):
            forgetRequests()
            isStopped = true
            return .fail(reason)
        }
        return .proceed
    }

    private mutating func end(_ id: UInt64?, _ pending: Int?) {
        guard let index = open.firstIndex(where: { $0.id == id }) else { return }
        let request = open.remove(at: index)
        outstanding = open.isEmpty ? 0 : max(0, outstanding - min(pending ?? request.batch, request.batch))
    }

    private mutating func pause(_ now: Instant) {
        let wait = min(Duration.milliseconds(100) * (1 << min(failures, 10)), .seconds(5))
        failures += 1
        pausedUntil = now + wait
    }

    // MARK: The connection

    mutating func connectionLost() {
        isConnected = false
        forgetRequests()
    }

    mutating func connectionRestored(now: Instant) {
        isConnected = true
        forgetRequests()
        pausedUntil = nil
        failures = 0
        lastActivity = now
    }

    /// The subscription is a new one; nothing will come for the requests of the old one.
    mutating func subscriptionRecreated(now: Instant) {
        forgetRequests()
        pausedUntil = nil
        lastActivity = now
    }

    mutating func stop() {
        isStopped = true
        forgetRequests()
    }
}
