private import Synchronization

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// Wakes the one thread that waits on it; a call that comes early is remembered.
///
/// Its waits last as long as they say, also when the clock is set meanwhile. `NSCondition` waits for a date, and on Linux
/// so does `DispatchSemaphore`, whatever it is asked for: with a clock that was set back by an hour they wait an hour more.
///
/// `@unchecked Sendable`: `isCalled` is atomic; the pointers are constant, pthread's own functions are all that touches what
/// they point to, which is freed with the last reference, when no thread can wait or signal any more.
package final class WakeUpCall: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Whether there was a call that was not answered yet. Only the one thread that waits clears it, and it looks with the
    /// lock held before it sleeps, so that no call is lost.
    private let isCalled = Atomic<Bool>(false)

    /// Creates a wake-up call.
    package init() {
        pthread_mutex_init(mutex, nil)
        #if canImport(Glibc)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
        #else
        pthread_cond_init(condition, nil)
        #endif
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Ends the running wait, or the next one. One atomic operation while an earlier call has not been answered.
    package func signal() {
        guard !isCalled.exchange(true, ordering: .sequentiallyConsistent) else { return }
        // With the lock: a thread that has looked already is waiting by then.
        pthread_mutex_lock(mutex)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Forgets a call that came early.
    package func reset() {
        isCalled.store(false, ordering: .sequentiallyConsistent)
    }

    /// Waits for a call, which is then answered, at most for a time.
    ///
    /// - Parameter duration: How long, a day at most.
    /// - Returns: Whether there was one.
    @discardableResult
    package func wait(for duration: Duration) -> Bool {
        if isCalled.exchange(false, ordering: .sequentiallyConsistent) { return true }
        var end = Self.time(after: duration)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if isCalled.exchange(false, ordering: .sequentiallyConsistent) { return true }
            guard wait(until: &end) else { return isCalled.exchange(false, ordering: .sequentiallyConsistent) }
        }
    }

    /// Waits for a call, which is then answered, at most until an instant.
    ///
    /// - Parameter instant: Until when, but a day at most; `nil` for nobody knows when.
    package func wait(until instant: ContinuousClock.Instant?) {
        wait(for: instant.map { ContinuousClock.now.duration(to: $0) } ?? .seconds(86400))
    }

    /// - Returns: Whether there is time left.
    private func wait(until end: inout timespec) -> Bool {
        #if canImport(Glibc)
        return pthread_cond_timedwait(condition, mutex, &end) == 0
        #else
        // Takes no other clock than the wall's, but a time from now.
        let now = Self.time(after: .zero)
        var left = timespec(tv_sec: end.tv_sec - now.tv_sec, tv_nsec: end.tv_nsec - now.tv_nsec)
        if left.tv_nsec < 0 {
            left.tv_sec -= 1
            left.tv_nsec += 1_000_000_000
        }
        return left.tv_sec >= 0 && pthread_cond_timedwait_relative_np(condition, mutex, &left) == 0
        #endif
    }

    /// A time of the clock that nobody sets.
    private static func time(after duration: Duration) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        // Who waits for longer looks in between.
        let (seconds, attoseconds) = min(max(.zero, duration), .seconds(86400)).components
        time.tv_sec += Int(seconds)
        time.tv_nsec += Int(attoseconds / 1_000_000_000)
        if time.tv_nsec >= 1_000_000_000 {
            time.tv_sec += 1
            time.tv_nsec -= 1_000_000_000
        }
        return time
    }
}
