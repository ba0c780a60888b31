private import Synchronization

/// Stops the retries of all calls to a target while too many of them fail (gRFC A6, "throttling retry attempts").
///
/// A bucket begins full. Each failure that could be retried takes one token, each success puts a share of one back, and
/// calls are only retried while the bucket is more than half full. So a target that is down sees at most half the bucket
/// of retries in all, and when more than about `tokenRatio` of the attempts fail there are none, whatever the rate of
/// calls is. Share one among all calls to a target.
public final class RetryBudget: Sendable {
    /// The size of the bucket.
    public struct Configuration: Sendable, Hashable {
        /// How many tokens the bucket holds, above 0 and up to 1,000.
        public var maximumTokens: Int
        /// What a success puts back, above 0 and up to 1; counted in thousandths.
        public var tokenRatio: Double

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - maximumTokens: How many tokens the bucket holds.
        ///   - tokenRatio: What a success puts back.
        public init(maximumTokens: Int = 20, tokenRatio: Double = 0.1) {
            self.maximumTokens = maximumTokens
            self.tokenRatio = tokenRatio
        }
    }

    /// A budget at one instant.
    public struct Snapshot: Sendable, Hashable {
        /// How many tokens there are.
        public let tokens: Double
        /// How many tokens there can be.
        public let maximumTokens: Double
        /// How many retries were not made for want of tokens.
        public let throttled: UInt64
    }

    private struct State {
        var thousandths: Int
        var throttled: UInt64 = 0
    }

    private let capacity: Int
    private let share: Int
    private let state: Mutex<State>

    /// Creates a full budget.
    ///
    /// - Parameter configuration: The size of the bucket; values out of range are replaced by the nearest in it.
    public init(_ configuration: Configuration = Configuration()) {
        capacity = min(max(1, configuration.maximumTokens), 1000) * 1000
        let ratio = configuration.tokenRatio
        share = ratio.isNaN ? 1 : Int(min(max(0.001, ratio), 1) * 1000)
        state = Mutex(State(thousandths: capacity))
    }

    /// Notes that an attempt has succeeded.
    public func recordSuccess() {
        state.withLock { $0.thousandths = min(capacity, $0.thousandths + share) }
    }

    /// Notes that an attempt has failed with an error that can be retried.
    public func recordFailure() {
        state.withLock { $0.thousandths = max(0, $0.thousandths - 1000) }
    }

    /// Whether a retry may be made now; if not, it is counted as throttled.
    public func allowsRetry() -> Bool {
        state.withLock { state in
            if state.thousandths * 2 > capacity { return true }
            state.throttled += 1
            return false
        }
    }

    /// The budget now.
    public func snapshot() -> Snapshot {
        state.withLock { state in
            Snapshot(
                tokens: Double(state.thousandths) / 1000,
                maximumTokens: Double(capacity) / 1000,
                throttled: state.throttled
            )
        }
    }
}
