internal import Logging
internal import Synchronization

/// Joins the pull state machine to the connection: the buffer, the waiting readers, the subscription and the alarm.
final class PullDriver: SubscriptionHandler, MessageSource {
    private let connection: ConnectionCore
    private let subject: String
    private let infoSubject: String
    private let thing: String
    private let options: PullOptions
    private let onStall: (@Sendable (PullStall) -> Void)?
    private let state: Mutex<State>

    /// Four requests can be alive at most when each is given up after two missed heartbeats.
    private let hardLimit: Int

    private struct State {
        var pull: PullState
        var watch: StallWatch?
        var inbox: String
        var buffer = MessageBuffer()
        var readers: [(id: UInt64, continuation: CheckedContinuation<JetStreamMessage?, any Error>)] = []
        var subscription: UInt64?
        var alarm: ContinuousClock.Instant?
        var failure: (any Error)?
        var delivered = 0
        var dropped = 0
        var recreations = 0
        private var lastReader: UInt64 = 0

        init(pull: PullState, watch: StallWatch?, inbox: String) {
            self.pull = pull
            self.watch = watch
            self.inbox = inbox
        }

        mutating func makeReader() -> UInt64 {
            lastReader += 1
            return lastReader
        }
    }

    /// What is left to do after unlocking.
    private struct Action {
        var request: PullState.Request?
        var alarm: ContinuousClock.Instant?
        var looks = false
    }

    init(
        _ connection: ConnectionCore,
        subject: String,
        infoSubject: String,
        thing: String,
        options: PullOptions,
        onStall: (@Sendable (PullStall) -> Void)?
    ) {
        self.connection = connection
        self.subject = subject
        self.infoSubject = infoSubject
        self.thing = thing
        self.options = options
        self.onStall = onStall
        hardLimit = options.maximumBuffered * 4
        let isConnected = connection.state.withLock { $0.status == .connected }
        let now = ContinuousClock.now
        state = Mutex(
            State(
                pull: PullState(options, isConnected: isConnected, now: now),
                watch: options.stallTimeout.map { StallWatch(timeout: $0, now: now) },
                inbox: Self.newInbox(connection)
            )
        )
    }

    private static func newInbox(_ connection: ConnectionCore) -> String {
        connection.configuration.inboxPrefix + "." + Subjects.randomToken() + "."
    }

    func start() throws(NATSError) {
        let inbox = state.withLock { $0.inbox }
        let registration = SubscriptionRegistration(subject: inbox + "*", queueGroup: nil, handler: self)
        let id = try connection.subscribe(registration)
        // The connection may have come back before it knew this subscription.
        let isConnected = connection.state.withLock { $0.status == .connected }
        advance { state in
            state.subscription = id
            if isConnected, !state.pull.isConnected { state.pull.connectionRestored(now: .now) }
        }
    }

    var statistics: PullStatistics {
        state.withLock { state in
            var statistics = PullStatistics()
            statistics.delivered = state.delivered
            statistics.buffered = state.buffer.count
            statistics.outstanding = state.pull.outstanding
            statistics.dropped = state.dropped
            statistics.missedHeartbeats = state.pull.missedHeartbeats
            statistics.recreations = state.recreations
            return statistics
        }
    }

    /// Changes the state and does what follows from it.
    private func advance(_ change: (inout State) -> Void) {
        let action = state.withLock { state in
            change(&state)
            return Self.action(&state)
        }
        perform(action)
    }

    private static func action(_ state: inout State) -> Action {
        var action = Action()
        let now = ContinuousClock.now
        action.request = state.pull.pull(now: now, buffered: state.buffer.count)
        if !state.pull.isStopped, state.pull.isConnected {
            // What is here and not taken is no fault of the server.
            if state.buffer.count > 0 { state.watch?.delivered(now: now) }
            action.looks = state.watch?.isDue(now: now) ?? false
        }
        // An alarm that comes too early only looks again; so messages need not move it.
        var deadline = state.pull.nextDeadline
        if let watch = state.watch, !state.pull.isStopped, state.pull.isConnected {
            deadline = min(deadline ?? watch.deadline, watch.deadline)
        }
        if let deadline, state.alarm.map({ deadline < $0 }) ?? true {
            state.alarm = deadline
            action.alarm = deadline
        }
        return action
    }

    private func perform(_ action: Action) {
        if let request = action.request { send(request) }
        if action.looks { look() }
        guard let deadline = action.alarm, let id = state.withLock({ $0.subscription }) else { return }
        connection.setAlarm(id, at: deadline) { [weak self] in
            self?.advance { $0.alarm = nil }
        }
    }

    private func send(_ request: PullState.Request) {
        var body = #"{"batch":\#(request.batch),"expires":\#(options.expires.nanoseconds)"#
        body += #","idle_heartbeat":\#(options.idleHeartbeat.nanoseconds)"#
        if let bytes = options.maximumBytes { body += #","max_bytes":\#(bytes)"# }
        let inbox = state.withLock { $0.inbox }
        let message = OutgoingMessage(
            subject: subject,
            reply: "\(inbox)\(request.id)",
            payload: Array((body + "}").utf8)
        )
        do {
            try connection.enqueue(message)
        } catch {
            // The queue is full or the connection ends: the alarm tries again.
            advance { _ = $0.pull.receivedStatus(.refused, request: request.id, pending: nil, now: .now) }
        }
    }

    // MARK: Reading

    func next() async throws -> JetStreamMessage? {
        if let message = takeFirst() { return message }
        let id = state.withLock { $0.makeReader() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enum Next {
                    case resume(Result<JetStreamMessage?, any Error>)
                    case wait
                }
                let (next, action) = state.withLock { state -> (Next, Action) in
                    if let message = state.buffer.popFirst() {
                        return (.resume(.success(message)), Self.action(&state))
                    }
                    if let failure = state.failure { return (.resume(.failure(failure)), Action()) }
                    if state.pull.isStopped { return (.resume(.success(nil)), Action()) }
                    state.readers.append((id, continuation))
                    return (.wait, Action())
                }
                perform(action)
                switch next {
                case .resume(let result): continuation.resume(with: result)
                case .wait: if Task.isCancelled { cancel(id) }
                }
            }
        } onCancel: {
            cancel(id)
        }
    }

    /// The next message without waiting; asks for more only when that is due.
    private func takeFirst() -> JetStreamMessage? {
        let taken = state.withLock { state -> (message: JetStreamMessage, action: Action?)? in
            guard let message = state.buffer.popFirst() else { return nil }
            let known = state.pull.outstanding + state.buffer.count
            return (message, known <= options.maximumBuffered / 2 ? Self.action(&state) : nil)
        }
        if let action = taken?.action { perform(action) }
        return taken?.message
    }

    private func cancel(_ id: UInt64) {
        let reader = state.withLock { state -> CheckedContinuation<JetStreamMessage?, any Error>? in
            guard let index = state.readers.firstIndex(where: { $0.id == id }) else { return nil }
            return state.readers.remove(at: index).continuation
        }
        reader?.resume(returning: nil)
    }

    func takeBuffered() -> [JetStreamMessage] {
        state.withLock { $0.buffer.takeAll() }
    }

    func stop() {
        finish(nil)
    }

    private func finish(_ failure: (any Error)?) {
        let (readers, subscription) = state.withLock { state in
            state.pull.stop()
            if state.failure == nil { state.failure = failure }
            defer {
                state.readers = []
                state.subscription = nil
            }
            return (state.readers, state.subscription)
        }
        if let subscription { connection.unsubscribe(subscription) }
        for reader in readers {
            if let failure {
                reader.continuation.resume(throwing: failure)
            } else {
                reader.continuation.resume(returning: nil)
            }
        }
    }

    // MARK: SubscriptionHandler

    func received(_ message: consuming IncomingMessage) {
        if message.subjectHasPrefix(connection.configuration.inboxPrefix) {
            let inbox = state.withLock { $0.inbox }
            if message.subjectHasPrefix(inbox) { receivedStatus(message) }
            return
        }
        let received = message.keep()
        guard let metadata = received.metadata else { return }
        let delivered = JetStreamMessage(NATSDelivery(received, connection: connection), metadata)
        var reader: CheckedContinuation<JetStreamMessage?, any Error>?
        let action = state.withLock { state -> Action? in
            let now = ContinuousClock.now
            state.pull.receivedMessage(now: now)
            state.watch?.delivered(now: now)
            state.delivered += 1
            // Past the limit a message is left to its ack_wait; it comes again.
            if state.failure != nil || state.buffer.count >= hardLimit {
                state.dropped += 1
            } else if state.readers.isEmpty {
                state.buffer.append(delivered)
            } else {
                reader = state.readers.removeFirst().continuation
            }
            let known = state.pull.outstanding + state.buffer.count
            return known <= options.maximumBuffered / 2 || state.alarm == nil ? Self.action(&state) : nil
        }
        if let action { perform(action) }
        reader?.resume(returning: delivered)
    }

    private func receivedStatus(_ message: borrowing IncomingMessage) {
        let headers = message.headers
        let status =
            message.hasNoResponders
            ? PullStatus.refused
            : PullStatus(
                code: headers.first(named: "Status").flatMap { Int($0) } ?? 0,
                description: headers.first(named: "Description") ?? ""
            )
        let pending = headers.first(named: "Nats-Pending-Messages").flatMap { Int($0) }
        let id = message.subjectToken
        if status != .heartbeat, status != .ended {
            connection.logger.debug(
                "a pull request was refused",
                metadata: ["nats.consumer": "\(thing)", "nats.status": "\(status)"]
            )
        }
        var failure: JetStreamError?
        advance { state in
            let outcome = state.pull.receivedStatus(status, request: id, pending: pending, now: .now)
            if case .fail(let reason) = outcome {
                failure = JetStreamError(.consumerUnavailable, "\(thing) delivers nothing more: \(reason)")
                state.failure = failure
            }
        }
        if let failure { finish(failure) }
    }

    func connectionLost() {
        advance { $0.pull.connectionLost() }
    }

    /// A server that has crashed forgets its latest deliveries: it would ignore the acknowledgements of what is
    /// buffered and deliver it again. So the buffer is handed back before it costs a reader one time-out a message.
    func connectionRestored(isNewServer: Bool) {
        if isNewServer {
            for message in takeBuffered() {
                do {
                    try message.nak(delay: .zero)
                } catch {
                    break  // Without room to say so, the messages come again after ack_wait.
                }
            }
        }
        advance { $0.pull.connectionRestored(now: .now) }
    }

    func publishRefused(to subject: String, _ error: NATSError) {
        if subject == self.subject { finish(error) }
    }

    func ended(_ error: NATSError) {
        finish(error)
    }
}

// MARK: The watch

extension PullDriver: ReplyHandler {
    /// Asks for the consumer's information; the answer comes to this object.
    private func look() {
        do {
            try connection.request(
                EncodedMessage(subject: infoSubject, payload: []),
                timeout: .seconds(5),
                deadline: .now + .seconds(5),
                handler: self
            )
        } catch {
            failed(error)
        }
    }

    func replied(_ message: borrowing IncomingMessage) {
        looked(try? JSON.decode(StallInformation.self, from: message.payload).look)
    }

    func failed(_ error: any Error) {
        looked(nil)
    }

    private func looked(_ look: StallWatch.Look?) {
        var silence: Duration?
        advance { state in
            guard !state.pull.isStopped, state.pull.isConnected, state.buffer.count == 0 else { return }
            if case .stalled(let time) = state.watch?.looked(look, now: .now) { silence = time }
        }
        guard let silence, let look else { return }
        recreate()
        let stall = PullStall(consumer: thing, pending: look.pending, silence: silence)
        connection.logger.warning("a consumer went quiet", metadata: ["nats.stall": "\(stall)"])
        onStall?(stall)
    }

    /// Subscribes anew, under an inbox that late messages of the old one cannot be taken for.
    private func recreate() {
        let inbox = Self.newInbox(connection)
        let registration = SubscriptionRegistration(subject: inbox + "*", queueGroup: nil, handler: self)
        guard let id = try? connection.subscribe(registration) else { return }
        var unneeded: UInt64? = id
        advance { state in
            guard !state.pull.isStopped else { return }
            unneeded = state.subscription
            state.subscription = id
            state.inbox = inbox
            state.alarm = nil
            state.recreations += 1
            state.pull.subscriptionRecreated(now: .now)
        }
        if let unneeded { connection.unsubscribe(unneeded) }
    }
}
