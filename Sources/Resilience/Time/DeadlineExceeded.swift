/// An operation had no time left.
public struct DeadlineExceeded: Error, Sendable, CustomStringConvertible {
    /// Where time ran out; the `stage` of `deadline_exceeded_total`.
    public struct Stage: RawRepresentable, Sendable, Hashable {
        /// The name of the stage.
        public let rawValue: String

        /// Creates a stage.
        ///
        /// - Parameter rawValue: The name of the stage; a static word, because it is a metric's label.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// Before anything was done: the deadline had passed, or too little was left to begin.
        public static let admission = Stage(rawValue: "admission")
        /// In the queue of a bulkhead.
        public static let bulkhead = Stage(rawValue: "bulkhead")
        /// While it waited to try again.
        public static let backoff = Stage(rawValue: "backoff")
        /// During an attempt.
        public static let attempt = Stage(rawValue: "attempt")
        /// In an operation outside a pipeline.
        public static let operation = Stage(rawValue: "operation")
    }

    /// Where time ran out.
    public let stage: Stage
    /// The time that the stage had, zero or less when there was none at its beginning.
    public let limit: Duration
    /// What the operation threw when it was cancelled, if it had begun.
    public let cause: (any Error)?

    /// Creates the error.
    ///
    /// - Parameters:
    ///   - stage: Where time ran out.
    ///   - limit: The time that the stage had.
    ///   - cause: What the operation threw when it was cancelled.
    public init(stage: Stage, limit: Duration, cause: (any Error)? = nil) {
        self.stage = stage
        self.limit = limit
        self.cause = cause
    }

    /// What happened.
    public var description: String {
        limit > .zero
            ? "the deadline was exceeded in stage \(stage.rawValue), which had \(limit)"
            : "no time was left for stage \(stage.rawValue)"
    }
}
