public import Observability

/// An attempt to handle an event that failed.
public struct DeliveryAttempt: Sendable, Hashable {
    /// 1 for the first.
    public var number: Int
    /// How far it came.
    public var times: AttemptTimes
    /// When it failed, in nanoseconds since the Unix epoch.
    public var failedAt: UInt64
    /// Why, of low cardinality: `breaker_open`, `unavailable`, `smtp_451`.
    public var reason: String
    /// How long the next attempt was put off.
    public var delay: Duration
    /// The span that shows it.
    public var span: SpanContext

    /// Creates an attempt.
    public init(
        number: Int,
        times: AttemptTimes,
        failedAt: UInt64,
        reason: String,
        delay: Duration,
        span: SpanContext
    ) {
        self.number = number
        self.times = times
        self.failedAt = failedAt
        self.reason = reason
        self.delay = delay
        self.span = span
    }
}

/// An event that a consumer gave up.
public struct DeadLetterNotice: Sendable, Hashable {
    /// The event.
    public var event: EventEnvelope
    /// Why, of low cardinality.
    public var reason: String
    /// The kind of the last error.
    public var errorType: String
    /// How many deliveries it had.
    public var attempts: Int
    /// The stream that it came from.
    public var stream: String
}

/// Where a consumer keeps what became of deliveries, so that later attempts know it whatever process makes them.
///
/// The consumer goes on when the journal fails: then it knows what this process remembers.
public protocol DeliveryJournal: Sendable {
    /// Returns the attempts at an event that have failed, first to last.
    func attempts(atEvent id: String, by consumer: String) async throws -> [DeliveryAttempt]

    /// Keeps an attempt that has failed, before the event is asked for again.
    func keep(_ attempt: DeliveryAttempt, atEvent id: String, by consumer: String) async throws

    /// Keeps that an event was given up, after its dead letter is stored and before it leaves its stream. It may be told
    /// more than once.
    func keep(_ notice: DeadLetterNotice, by consumer: String) async throws
}
