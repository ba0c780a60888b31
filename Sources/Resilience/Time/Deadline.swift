/// The instant by which an operation and everything it calls must have ended.
///
/// A deadline is monotonic: it does not move when somebody sets the clock. It travels with the task in ``current``, so
/// that each hop can send on what remains (`grpc-timeout`) and refuse work that nobody waits for any more.
public struct Deadline: Sendable, Hashable, Comparable {
    /// The deadline of the running task, if it has one.
    @TaskLocal public static var current: Deadline?

    /// The instant at which time is up.
    public let instant: ContinuousClock.Instant

    /// Creates a deadline at an instant.
    ///
    /// - Parameter instant: The instant at which time is up.
    public init(_ instant: ContinuousClock.Instant) {
        self.instant = instant
    }

    /// Creates the deadline that is a duration from now.
    ///
    /// - Parameters:
    ///   - duration: The time until then; zero or less is a deadline that has passed.
    ///   - now: The present instant.
    public static func after(_ duration: Duration, from now: ContinuousClock.Instant = .now) -> Deadline {
        Deadline(now.advanced(by: duration))
    }

    /// The time that is left, negative when the deadline has passed.
    ///
    /// - Parameter now: The present instant.
    public func remaining(at now: ContinuousClock.Instant = .now) -> Duration {
        now.duration(to: instant)
    }

    /// Whether time is up.
    ///
    /// - Parameter now: The present instant.
    public func hasPassed(at now: ContinuousClock.Instant = .now) -> Bool {
        now >= instant
    }

    /// The earlier of two deadlines, of which each may be missing.
    ///
    /// A nested deadline can only shorten what its caller allows, so this is how deadlines are combined.
    ///
    /// - Parameters:
    ///   - first: A deadline.
    ///   - second: Another deadline.
    public static func earliest(_ first: Deadline?, _ second: Deadline?) -> Deadline? {
        guard let first, let second else { return first ?? second }
        return min(first, second)
    }

    /// Whether a deadline is earlier than another.
    public static func < (left: Deadline, right: Deadline) -> Bool {
        left.instant < right.instant
    }
}
