internal import CNATS
internal import Logging
internal import Synchronization
internal import Waiting

/// The two threads of a connection.
extension ConnectionCore {
    // MARK: The writer

    /// Connects, sends what is queued, and opens a new connection whenever libnats gives one up.
    func runWriter() {
        let number = ConnectionRegistry.register(self)
        let closure = UnsafeMutableRawPointer(bitPattern: number)
        defer {
            ConnectionRegistry.remove(number)
            nats_ReleaseThreadMemory()
            finish()
        }
        var batch: [WriterCommand] = []
        var position = 0
        while let handle = open(closure) {
            connected(to: handle.server)
            let session = WriterSession(core: self, handle: handle)
            let reopens = session.run(&batch, &position)
            session.close(until: stopDeadline)
            if !reopens { return }
            connectionLost()
        }
    }

    /// Tries until a connection stands; returns `nil` when asked to stop, or on an error that ends the first attempt.
    private func open(_ closure: UnsafeMutableRawPointer?) -> ConnectionHandle? {
        var attempt = 0
        var nextNotice = ContinuousClock.now
        while true {
            let (isRunning, isFirst) = state.withLock { state in
                state.handleIsClosed = false
                return (state.isRunning, state.connectWaiter != nil)
            }
            guard isRunning else { return nil }
            do {
                return try ConnectionHandle(connecting: OptionsHandle(configuration, closure: closure), core: self)
            } catch {
                let isPermanent = error.code != .library
                if isFirst, isPermanent {
                    failConnect(error)
                    return nil
                }
                if ContinuousClock.now >= nextNotice {
                    nextNotice = .now + .seconds(30)
                    var metadata = serversMetadata
                    metadata["nats.error"] = "\(error.message)"
                    logger.warning("waiting for NATS", metadata: metadata)
                }
            }
            sleep(Backoff.delay(attempt: attempt, in: configuration.reconnectDelay))
            attempt += 1
        }
    }

    private func sleep(_ duration: Duration) {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end, state.withLock({ $0.isRunning }) {
            writerSignal.wait(until: end)
        }
    }

    private var stopDeadline: ContinuousClock.Instant {
        state.withLock {
            if case .stopping(let deadline) = $0.phase { return deadline }
            return .now
        }
    }

    // MARK: Deadlines

    func runDeadlines() {
        while true {
            let (due, isOver) = state.withLock {
                ($0.takeDue(.now, granularity: .milliseconds(2)), $0.phase == .stopped)
            }
            for request in due.requests {
                let message =
                    "no reply to '\(request.subject)' within \(request.timeout); "
                    + "whether the request was processed is unknown"
                request.fail(NATSError(.timeout, message))
            }
            for waiter in due.spaceWaiters {
                waiter.continuation.resume(
                    throwing: NATSError(.notSent, "the queue of outgoing messages stayed full; nothing was sent")
                )
            }
            for alarm in due.alarms { alarm.action() }
            for waiter in due.shutdownWaiters { waiter.resume() }
            if isOver { return }
            deadlineSignal.wait(until: due.next)
        }
    }
}
