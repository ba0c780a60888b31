internal import Logging
internal import Synchronization

/// Joins the pull state machine to the connection: the buffer, the waiting readers, the subscription and the alarm.
final class PullDriver: SubscriptionHandler {
    private let connection: ConnectionCore
    private let subject: String
    private let thing: String
    private let options: PullOptions
    private let inbox: String
    private let state: Mutex<State>

    /// Four requests can be alive at most when each is given up after two missed heartbeats.
    private let hardLimit: Int

    private struct State {
        var pull: PullState
        var buffer = MessageBuffer()
        var readers: [(id: UInt64, continuation: CheckedContinuation<JetStreamMessage?, any Error>)] = []
        var subscription: UInt64?
        var alarm: ContinuousClock.Instant?
        var failure: (any Error)?
    }

    /// What is left to do after unlocking.
    private struct Action {
        var request: PullState.Request?
        var alarm: ContinuousClock.Instant?
    }

    init(_ connection: ConnectionCore, subject: String, thing: String, options: PullOptions) {
        self.connection = connection
        self.subject = subject
        self.thing = thing
        self.options = options
        inbox = connection.configuration.inboxPrefix + "." + Subjects.randomToken() + "."
        hardLimit = options.maximumBuffered * 4
        let isConnected = connection.state.withLock { $0.status == .connected }
        state = Mutex(State(pull: PullState(options, isConnected: isConnected, now: .now)))
    }

    func start() throws(NATSError) {
        let registration = SubscriptionRegistration(subject: inbox + "*", queueGroup: nil, handler: self)
        let id = try connection.subscribe(registration)
        // The connection may have come back before it knew this subscription.
        let isConnected = connection.state.withLock { $0.status == .connected }
        advance { state in
            state.subscription = id
            if isConnected, !state.pull.isConnected { state.pull.connectionRestored(now: .now) }
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
        // An alarm that comes too early only looks again; so messages need not move it.
        if let deadline = state.pull.nextDeadline, state.alarm.map({ deadline < $0 }) ?? true {
            state.alarm = deadline
            action.alarm = deadline
        }
        return action
    }

    private func perform(_ action: Action) {
        if let request = action.request { send(request) }
        guard let deadline = action.alarm, let id = state.withLock({ $0.subscription }) else { return }
        connection.setAlarm(id, at: deadline) { [weak self] in
            self?.advance { $0.alarm = nil }
        }
    }

    private func send(_ request: PullState.Request) {
        var body = #"{"batch":\#(request.batch),"expires":\#(options.expires.nanoseconds)"#
        body += #","idle_heartbeat":\#(options.idleHeartbeat.nanoseconds)"#
        if let bytes = options.maximumBytes { body += #","max_bytes":\#(bytes)"# }
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
        let id = connection.state.withLock { $0.makeID() }
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

    func received(_ message: borrowing IncomingMessage) {
        if message.subjectHasPrefix(inbox) {
            receivedStatus(message)
            return
        }
        guard let delivered = JetStreamMessage(message.copy(), connection: connection) else { return }
        var reader: CheckedContinuation<JetStreamMessage?, any Error>?
        advance { state in
            state.pull.receivedMessage(now: .now)
            // Past the limit a message is left to its ack_wait; it comes again.
            guard state.failure == nil, state.buffer.count < hardLimit else { return }
            if state.readers.isEmpty {
                state.buffer.append(delivered)
            } else {
                reader = state.readers.removeFirst().continuation
            }
        }
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

/// A queue of messages that is emptied from the front.
private struct MessageBuffer {
    private var messages: [JetStreamMessage?] = []
    private var head = 0

    var count: Int { messages.count - head }

    mutating func append(_ message: JetStreamMessage) {
        messages.append(message)
    }

    mutating func popFirst() -> JetStreamMessage? {
        guard head < messages.count else { return nil }
        defer {
            messages[head] = nil
            head += 1
            if head == messages.count {
                messages.removeAll(keepingCapacity: true)
                head = 0
            } else if head >= 256, head * 2 >= messages.count {
                messages.removeFirst(head)
                head = 0
            }
        }
        return messages[head]
    }

    mutating func takeAll() -> [JetStreamMessage] {
        defer {
            messages.removeAll()
            head = 0
        }
        return messages[head...].compactMap(\.self)
    }
}
