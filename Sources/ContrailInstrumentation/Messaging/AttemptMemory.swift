internal import Observability
private import Synchronization

/// What became of the last attempt of messages that will come again, bounded.
///
/// A hint for the trace, not the truth: after a restart the next attempt has no link to the one before.
final class AttemptMemory: Sendable {
    struct Attempt: Sendable {
        let span: SpanContext
        let failedAt: UInt64
        let reason: String
        let delay: Duration
    }

    private struct State {
        var attempts: [UInt64: Attempt] = [:]
        var order: [UInt64] = []
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int = 1024) {
        self.capacity = capacity
    }

    func remember(_ attempt: Attempt, of sequence: UInt64) {
        state.withLock { state in
            if state.attempts.updateValue(attempt, forKey: sequence) == nil { state.order.append(sequence) }
            if state.order.count > capacity { state.attempts[state.order.removeFirst()] = nil }
        }
    }

    func take(_ sequence: UInt64) -> Attempt? {
        state.withLock { state in
            guard let attempt = state.attempts.removeValue(forKey: sequence) else { return nil }
            state.order.removeAll { $0 == sequence }
            return attempt
        }
    }
}
