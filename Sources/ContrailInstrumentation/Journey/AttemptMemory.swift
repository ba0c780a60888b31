private import Synchronization

/// The failed attempts at events that this process has seen and that will come again, bounded.
///
/// A hint, not the truth: what a consumer without a journal knows, and one with a journal while that is away.
final class AttemptMemory: Sendable {
    private struct State {
        var attempts: [String: [DeliveryAttempt]] = [:]
        /// From the least to the most recently used.
        var order: [String] = []
    }

    private let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int = 1024) {
        self.capacity = capacity
    }

    /// The attempts at an event, first to last.
    func attempts(atEvent id: String) -> [DeliveryAttempt] {
        state.withLock { $0.attempts[id] ?? [] }
    }

    func keep(_ attempts: [DeliveryAttempt], atEvent id: String) {
        state.withLock { state in
            if state.attempts.updateValue(attempts, forKey: id) != nil { state.order.removeAll { $0 == id } }
            state.order.append(id)
            if state.order.count > capacity { state.attempts[state.order.removeFirst()] = nil }
        }
    }

    func forget(_ id: String) {
        state.withLock { state in
            guard state.attempts.removeValue(forKey: id) != nil else { return }
            state.order.removeAll { $0 == id }
        }
    }
}
