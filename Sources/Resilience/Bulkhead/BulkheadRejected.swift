/// A call was not made because too many others are under way.
public struct BulkheadRejected: Error, Sendable, CustomStringConvertible {
    /// Why.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// As many calls wait as may wait.
        case queueFull = "queue_full"
        /// It has waited for as long as calls may wait.
        case waitedTooLong = "waited_too_long"
    }

    /// The bulkhead's name.
    public let bulkhead: String
    /// Why.
    public let reason: Reason
    /// How many calls may be under way.
    public let maximumConcurrent: Int

    /// Creates the error.
    ///
    /// - Parameters:
    ///   - bulkhead: The bulkhead's name.
    ///   - reason: Why the call was not made.
    ///   - maximumConcurrent: How many calls may be under way.
    public init(bulkhead: String, reason: Reason, maximumConcurrent: Int) {
        self.bulkhead = bulkhead
        self.reason = reason
        self.maximumConcurrent = maximumConcurrent
    }

    /// What happened.
    public var description: String {
        let why =
            switch reason {
            case .queueFull: "and as many wait as may wait"
            case .waitedTooLong: "and none ended while this one waited"
            }
        return "bulkhead \(bulkhead) has \(maximumConcurrent) calls under way, \(why)"
    }
}
