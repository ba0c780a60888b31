internal import Foundation
internal import Synchronization
internal import Waiting

/// Start and stop.
extension ConnectionCore {
    /// Starts the threads and waits until the first connection stands.
    func start() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                state.withLock { $0.connectWaiter = continuation }
                startThread("nats-writer") { self.runWriter() }
                startThread("nats-deadlines") { self.runDeadlines() }
                if Task.isCancelled { failConnect(CancellationError()) }
            }
        } onCancel: {
            failConnect(CancellationError())
        }
    }

    private func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.start()
    }

    /// The first connection stands, or a later one does.
    func connected(to server: ServerIdentity) {
        connectionRestored(to: server)
        let waiter = state.withLock { state in
            defer { state.connectWaiter = nil }
            return state.connectWaiter
        }
        waiter?.resume()
    }

    /// Ends the wait for the first connection; does nothing when that is over.
    func failConnect(_ error: any Error) {
        let waiter = state.withLock { state in
            guard let waiter = state.connectWaiter else { return nil as CheckedContinuation<Void, any Error>? }
            state.connectWaiter = nil
            state.phase = .stopping(deadline: .now)
            state.unparkWriter()
            return waiter
        }
        guard let waiter else { return }
        writerSignal.signal()
        deadlineSignal.signal()
        waiter.resume(throwing: error)
    }

    /// Asks the threads to finish; messages that are queued already are still sent.
    func beginShutdown(timeout: Duration) {
        let deadline = ContinuousClock.now + timeout
        let wakes = state.withLock { state in
            guard state.isRunning else { return false }
            state.phase = .stopping(deadline: deadline)
            state.unparkWriter()
            return true
        }
        guard wakes else { return }
        writerSignal.signal()
        deadlineSignal.signal()
    }

    /// Shuts down and waits for the end, at most for `timeout`.
    func shutdown(timeout: Duration) async {
        beginShutdown(timeout: timeout)
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.phase == .stopped { return true }
                state.shutdownWaiters.append(continuation)
                return false
            }
            if isOver { continuation.resume() } else { deadlineSignal.signal() }
        }
    }

    /// The writer is done: nothing waits any longer.
    func finish() {
        let last = state.withLock { state in
            defer {
                _ = state.setStatus(.closed)
                state.phase = .stopped
                state.requests = [:]
                state.spaceWaiters = [:]
                state.shutdownWaiters = []
                state.subscriptions = [:]
                state.observers = [:]
                state.alarms = [:]
            }
            return (state.requests, state.spaceWaiters, state.shutdownWaiters, state.subscriptions, state.observers)
        }
        let (requests, spaceWaiters, shutdownWaiters, subscriptions, observers) = last
        for request in requests.values {
            let message =
                "the NATS connection was shut down before '\(request.subject)' was answered; "
                + "whether the request was processed is unknown"
            request.fail(NATSError(.closed, message))
        }
        for waiter in spaceWaiters.values { waiter.continuation.resume(throwing: NATSError.connectionIsClosed) }
        for registration in subscriptions.values { registration.handler.ended(.connectionIsClosed) }
        for observer in observers.values { observer.finish() }
        deadlineSignal.signal()
        for waiter in shutdownWaiters { waiter.resume() }
    }
}
