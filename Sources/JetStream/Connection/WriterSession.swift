internal import CNATS
internal import Logging
internal import Synchronization
internal import Waiting

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// The writer thread's work on one connection.
final class WriterSession {
    private let core: ConnectionCore
    private let handle: ConnectionHandle
    private var subscriptions: [UInt64: SubscriptionHandle] = [:]

    init(core: ConnectionCore, handle: ConnectionHandle) {
        self.core = core
        self.handle = handle
        for (id, registration) in core.state.withLock({ $0.subscriptions }) { subscribe(id, registration) }
    }

    /// Works until asked to stop, or until libnats gives the connection up; returns whether to open another one.
    ///
    /// `batch` and `position` survive the session: what was not sent goes to the next connection.
    func run(_ batch: inout [WriterCommand], _ position: inout Int) -> Bool {
        while true {
            let first = position
            let isBusy = position < batch.count
            while position < batch.count {
                guard perform(batch[position]) else { return core.state.withLock { $0.isRunning } }
                position += 1
            }
            // One write for all of them.
            let status = handle.flushWrites()
            if status != NATS_OK { for command in batch[first...] { failIfRequest(command, status) } }
            batch.removeAll(keepingCapacity: true)
            position = 0
            // Whoever sends much is likely to send more at once: one call here saves a wake-up there and a write for each.
            if isBusy { sched_yield() }
            let (waiters, phase, isClosed) = core.state.withLock { state in
                (state.takeWork(into: &batch), state.phase, state.handleIsClosed)
            }
            for waiter in waiters { waiter.continuation.resume() }
            if !batch.isEmpty { continue }
            if phase != .running { return false }
            if isClosed { return true }
            core.writerSignal.wait(until: nil)
        }
    }

    /// Performs one command; returns `false` when the connection is closed and the command must wait for another one.
    private func perform(_ command: WriterCommand) -> Bool {
        switch command {
        case .send(let message):
            let status = handle.send(message)
            if status == NATS_OK { return true }
            if status == NATS_CONNECTION_CLOSED { return false }
            fail(message, status)
        case .subscribe(let id):
            if subscriptions[id] == nil, let registration = core.state.withLock({ $0.subscriptions[id] }) {
                subscribe(id, registration)
            }
        case .unsubscribe(let id):
            subscriptions.removeValue(forKey: id)?.unsubscribe()
        case .flush(let request, let timeout):
            let status = handle.flush(timeout: timeout)
            if status == NATS_CONNECTION_CLOSED { return false }
            if status == NATS_OK {
                core.flushed(request)
            } else {
                core.fail(request, NATSError(.timeout, "flushing the NATS connection failed: \(text(of: status))"))
            }
        }
        return true
    }

    private func subscribe(_ id: UInt64, _ registration: SubscriptionRegistration) {
        do {
            subscriptions[id] = try handle.subscribe(registration)
        } catch {
            if handle.isClosed { return }
            _ = core.state.withLock { $0.subscriptions.removeValue(forKey: id) }
            registration.handler.ended(error)
        }
    }

    private func failIfRequest(_ command: WriterCommand, _ status: natsStatus) {
        if case .send(let message) = command, message.request != nil { fail(message, status) }
    }

    private func fail(_ message: OutgoingMessage, _ status: natsStatus) {
        // A write that failed half-way may have reached the server; only these statuses come before any write.
        let isCertain = [NATS_INSUFFICIENT_BUFFER, NATS_MAX_PAYLOAD, NATS_INVALID_SUBJECT, NATS_INVALID_ARG]
            .contains(status)
        let reason =
            status == NATS_INSUFFICIENT_BUFFER
            ? "the connection is down and the reconnect buffer is full"
            : text(of: status)
        let outcome = isCertain ? "was not sent" : "may not have been sent"
        let error = NATSError(isCertain ? .notSent : .timeout, "'\(message.subject)' \(outcome): \(reason)")
        if let request = message.request {
            core.fail(request, error)
        } else if core.state.withLock({ state in
            defer { state.hasReportedDrop = true }
            return !state.hasReportedDrop
        }) {
            core.logger.warning("messages to NATS are being dropped", metadata: ["nats.error": "\(error.message)"])
        }
    }

    /// Flushes and drains when the server is there, closes, and waits for the closed callback before the connection is
    /// destroyed: libnats 3.4 can use a connection in its callbacks that is freed earlier.
    func close(until deadline: ContinuousClock.Instant) {
        if handle.isConnected {
            let remaining = deadline - .now
            if remaining > .zero, handle.flush(timeout: min(remaining, .seconds(1))) == NATS_OK,
                handle.drain(timeout: min(deadline - .now, .seconds(1))) == NATS_OK
            {
                waitForClosedCallback(until: min(deadline, .now + .seconds(1)))
            }
        }
        handle.close()
        waitForClosedCallback(until: .now + .milliseconds(500))
        subscriptions.removeAll()
    }

    private func waitForClosedCallback(until deadline: ContinuousClock.Instant) {
        while !core.state.withLock({ $0.handleIsClosed }), ContinuousClock.now < deadline {
            core.writerSignal.wait(until: deadline)
        }
    }
}
