/// What the types of this module know of time: the present instant, and how to sleep until another.
///
/// A clock is a generic parameter of an initialiser only. Its instants are those of `ContinuousClock`, whatever drives
/// them, because a ``Deadline`` travels in a task-local, which cannot be generic.
struct TimeSource: Sendable {
    private let read: (@Sendable () -> ContinuousClock.Instant)?
    private let wait: @Sendable (ContinuousClock.Instant) async throws -> Void

    init<C: Clock>(_ clock: C) where C.Instant == ContinuousClock.Instant {
        // The usual clock is called directly: it is read twice for each call.
        if clock is ContinuousClock { read = nil } else { read = { clock.now } }
        // Without a tolerance of its own a sleep may take a tenth longer, which is as much as a server is ahead of its callers.
        wait = { try await clock.sleep(until: $0, tolerance: .zero) }
    }

    var now: ContinuousClock.Instant {
        if let read { read() } else { ContinuousClock.now }
    }

    func sleep(until instant: ContinuousClock.Instant) async throws {
        try await wait(instant)
    }

    /// Lets an alarm ring at its instant.
    func set(_ alarm: Alarm) {
        guard read != nil else { return AlarmClock.shared.set(alarm) }
        alarm.sleeper = Task {  // allowed: who sets the alarm stops it
            try await wait(alarm.instant)
            alarm.ring()
        }
    }

    /// Stops an alarm.
    func stop(_ alarm: Alarm) {
        guard let sleeper = alarm.sleeper else { return AlarmClock.shared.stop(alarm) }
        sleeper.cancel()
    }
}
