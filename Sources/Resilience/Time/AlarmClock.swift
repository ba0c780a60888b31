private import Foundation
private import Synchronization
private import Waiting

/// Something to do at an instant, unless it is stopped before.
class Alarm: @unchecked Sendable {
    // Sendable: `position` is read and written under the lock of the one clock that the alarm is set in, and `sleeper`
    // by the one task that sets the alarm and stops it. Subclasses guard what they add.
    let instant: ContinuousClock.Instant
    fileprivate var position: Int?
    /// What waits for the instant when a clock other than the system's drives it.
    var sleeper: Task<Void, any Error>?

    init(at instant: ContinuousClock.Instant) {
        self.instant = instant
    }

    /// Does it. Comes at most once, from a thread that rings other alarms too: it must not block.
    func ring() {}
}

/// Rings all alarms of a process from one thread.
///
/// A task that sleeps costs several times what most calls cost, and one that is cancelled leaves its timer behind until
/// it would have rung. Nearly all deadlines are stopped before they ring, so what counts is to set and to stop: a push to
/// a heap and a removal from it, without a wake-up of the thread unless it would otherwise ring too late.
final class AlarmClock: Sendable {
    /// The clock of the process; its thread begins with the first alarm.
    static let shared = AlarmClock()

    private struct State {
        var alarms = AlarmHeap()
        /// Until when the thread sleeps, if it has been told of an alarm.
        var wakesAt: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let wakeUp = WakeUpCall()

    /// Creates a clock whose thread never ends; the process needs one only.
    init() {
        let thread = Thread { self.run() }
        thread.name = "deadlines"
        thread.qualityOfService = .userInitiated
        thread.start()
    }

    /// How many alarms are set.
    var count: Int { state.withLock { $0.alarms.count } }

    /// Sets an alarm. An instant that has passed rings at once.
    func set(_ alarm: Alarm) {
        let wakes = state.withLock { state in
            state.alarms.insert(alarm)
            if let wakesAt = state.wakesAt, wakesAt <= alarm.instant { return false }
            state.wakesAt = alarm.instant
            return true
        }
        if wakes { wakeUp.signal() }
    }

    /// Stops an alarm, which does nothing when it has rung; it may be ringing just now.
    func stop(_ alarm: Alarm) {
        state.withLock { $0.alarms.remove(alarm) }
    }

    private func run() {
        while true {
            let (due, next) = state.withLock { state in
                let due = state.alarms.removeAll(upTo: .now)
                state.wakesAt = state.alarms.first?.instant
                return (due, state.wakesAt)
            }
            for alarm in due { alarm.ring() }
            wakeUp.wait(until: next)
        }
    }
}

/// A binary heap that knows where each alarm is, so that one can be removed that is not the first.
struct AlarmHeap {
    private var alarms: [Alarm] = []

    var count: Int { alarms.count }
    var first: Alarm? { alarms.first }

    mutating func insert(_ alarm: Alarm) {
        alarms.append(alarm)
        alarm.position = alarms.count - 1
        rise(from: alarms.count - 1)
    }

    mutating func remove(_ alarm: Alarm) {
        guard let position = alarm.position else { return }
        alarm.position = nil
        let last = alarms.removeLast()
        guard position < alarms.count else { return }
        alarms[position] = last
        last.position = position
        rise(from: position)
        sink(from: last.position ?? position)
    }

    /// Removes what is due, the earliest first.
    mutating func removeAll(upTo now: ContinuousClock.Instant) -> [Alarm] {
        var due: [Alarm] = []
        while let first = alarms.first, first.instant <= now {
            remove(first)
            due.append(first)
        }
        return due
    }

    private mutating func rise(from start: Int) {
        var position = start
        while position > 0 {
            let parent = (position - 1) / 2
            guard alarms[position].instant < alarms[parent].instant else { return }
            exchange(position, parent)
            position = parent
        }
    }

    private mutating func sink(from start: Int) {
        var position = start
        while true {
            var child = 2 * position + 1
            guard child < alarms.count else { return }
            if child + 1 < alarms.count, alarms[child + 1].instant < alarms[child].instant { child += 1 }
            guard alarms[child].instant < alarms[position].instant else { return }
            exchange(position, child)
            position = child
        }
    }

    private mutating func exchange(_ one: Int, _ other: Int) {
        alarms.swapAt(one, other)
        alarms[one].position = one
        alarms[other].position = other
    }
}
