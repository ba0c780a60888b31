internal import Dispatch

/// Wakes the one thread that sleeps on it; a wake-up that comes before the sleep is not lost.
final class ThreadSignal: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    /// Ends the current or the next sleep.
    func wake() {
        semaphore.signal()
    }

    /// Sleeps until a wake-up or until `deadline`, which may be never.
    func sleep(until deadline: ContinuousClock.Instant?) {
        guard let deadline else {
            semaphore.wait()
            return
        }
        let remaining = (deadline - ContinuousClock.now).nanoseconds
        guard remaining > 0 else { return }
        _ = semaphore.wait(timeout: .now() + .nanoseconds(Int(clamping: remaining)))
    }
}
