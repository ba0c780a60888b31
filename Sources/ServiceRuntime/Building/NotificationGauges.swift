public import Observability

/// What waits at one place of the way from an event to its notification.
public struct PendingNotifications: Sendable {
    /// How many have waited for longer than a journey may take.
    public var overdue: Double
    /// When the oldest was recorded, in nanoseconds since the Unix epoch; `nil` when nothing waits.
    public var oldest: UInt64?

    /// Creates a value.
    public init(overdue: Double, oldest: UInt64?) {
        self.overdue = overdue
        self.oldest = oldest
    }
}

extension MetricsRegistry {
    /// Registers what waits at a place, read where the truth is: a table or a stream. A place that cannot be read has no
    /// series, which is not the same as nothing to do.
    ///
    /// - Parameters:
    ///   - place: `outbox`, or the stream.
    ///   - read: What was seen last; `nil` when that is nothing.
    public func pendingNotifications(at place: String, _ read: @escaping @Sendable () -> PendingNotifications?) {
        gauge(
            "notification_overdue",
            help: "Events that have waited at a place for longer than a notification may take.",
            labels: ["place"]
        ) { read().map { [ObservedValue($0.overdue, place)] } ?? [] }
        gauge(
            "notification_oldest_pending_timestamp_seconds",
            help: "When the oldest event that waits at a place was recorded; absent when none waits.",
            labels: ["place"]
        ) { read()?.oldest.map { [ObservedValue(Double($0) / 1e9, place)] } ?? [] }
    }

    /// Registers this service's part of the books: all that was ever requested is pending, delivered or dead-lettered.
    ///
    /// - Parameter read: Counts by state, from the database or stream that knows.
    public func notificationLedger(_ read: @escaping @Sendable () -> [(state: String, count: Double)]) {
        gauge(
            "notification_ledger",
            help: """
                Notifications by state, from the databases. requested - pending - delivered - dead_lettered, each summed \
                over the services, is 0 when nothing moves.
                """,
            labels: ["state"]
        ) { read().map { ObservedValue($0.count, $0.state) } }
    }
}

extension Settings {
    /// Reads how long a notification may take.
    public mutating func notificationLateAfter() -> Duration {
        duration(
            "CONTRAIL_NOTIFICATION_LATE_AFTER",
            default: "10s",
            "how long a notification may take; later ones are counted, and their traces kept"
        )
    }
}
