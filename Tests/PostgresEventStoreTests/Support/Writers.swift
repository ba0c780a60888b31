import Synchronization

/// Tells writers when to stop and counts their failures.
final class Writers: Sendable {
    private let state = Mutex((isStopped: false, failures: 0))

    var goOn: Bool { state.withLock { !$0.isStopped } }
    var failures: Int { state.withLock { $0.failures } }

    func stop() { state.withLock { $0.isStopped = true } }

    func failed() { state.withLock { $0.failures += 1 } }
}
