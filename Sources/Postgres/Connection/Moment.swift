internal import Glibc

/// A point on the monotonic clock, in nanoseconds: small enough for an atomic.
struct Moment: Sendable, Hashable, Comparable {
    var nanoseconds: Int64

    /// A moment that never comes.
    static let never = Moment(nanoseconds: .max)

    /// The present.
    static var now: Moment {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    static func < (left: Moment, right: Moment) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    static func + (moment: Moment, duration: Duration) -> Moment {
        Moment(nanoseconds: moment.nanoseconds.addingClamped(duration.nanoseconds))
    }

    static func - (left: Moment, right: Moment) -> Duration {
        .nanoseconds(left.nanoseconds - right.nanoseconds)
    }
}
