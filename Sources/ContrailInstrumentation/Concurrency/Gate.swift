private import Synchronization

/// Opens once; everybody who waits goes on, and whoever comes later need not wait.
package final class Gate: Sendable {
    private enum State {
        case closed(waiters: [UInt64: CheckedContinuation<Void, Never>], next: UInt64)
        case open
    }

    private let state = Mutex(State.closed(waiters: [:], next: 0))

    /// Creates a closed gate.
    package init() {}

    /// Whether the gate has been opened.
    package var isOpen: Bool {
        state.withLock { state in
            if case .open = state { true } else { false }
        }
    }

    /// Lets everybody through, now and later.
    package func open() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard case .closed(let waiters, _) = state else { return [] }
            state = .open
            return Array(waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until the gate is open.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first.
    package func wait() async throws {
        let id: UInt64? = state.withLock { state in
            guard case .closed(let waiters, let next) = state else { return nil }
            state = .closed(waiters: waiters, next: next + 1)
            return next
        }
        guard let id else { return }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    guard case .closed(var waiters, let next) = state, !Task.isCancelled else { return true }
                    waiters[id] = continuation
                    state = .closed(waiters: waiters, next: next)
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
                guard case .closed(var waiters, let next) = state else { return nil }
                let waiter = waiters.removeValue(forKey: id)
                state = .closed(waiters: waiters, next: next)
                return waiter
            }
            waiter?.resume()
        }
        if !isOpen { throw CancellationError() }
    }
}
