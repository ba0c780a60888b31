internal import Synchronization

/// A mistake in the use of metrics. It costs the metric, never the process.
public struct MetricsProblem: Hashable, Sendable, CustomStringConvertible {
    /// What kind of mistake it is.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String, Sendable {
            case conflictingRegistration = "conflicting_registration"
            case labelMismatch = "label_mismatch"
            case seriesLimit = "series_limit"
            case familyLimit = "family_limit"
        }

        private let value: Value

        /// A name was registered again with another type, other labels or other buckets.
        public static let conflictingRegistration = Code(value: .conflictingRegistration)
        /// A series was asked for with a number of label values that its family does not have.
        public static let labelMismatch = Code(value: .labelMismatch)
        /// A family has as many series as it may have; further ones share the overflow series.
        public static let seriesLimit = Code(value: .seriesLimit)
        /// The registry has as many families as it may have.
        public static let familyLimit = Code(value: .familyLimit)

        /// The code in snake case, as a label value.
        public var description: String { value.rawValue }
    }

    /// The kind of mistake.
    public let code: Code
    /// The metric's name.
    public let metric: String
    /// What happened, and what became of the measurements.
    public let message: String

    /// The metric and the message.
    public var description: String { "metric \(metric): \(message)" }
}

/// Counts and reports what goes wrong in a registry.
final class MetricsDiagnostics: Sendable {
    typealias Handler = @Sendable (MetricsProblem) -> Void

    private struct Report: Hashable {
        let code: MetricsProblem.Code
        let metric: String
    }

    private struct State {
        var handler: Handler?
        var reported: Set<Report> = []
        var counts: [MetricsProblem.Code: Int] = [:]
    }

    /// Bounds the memory of what was reported already.
    private static let reportLimit = 1000

    private let state = Mutex(State())
    private let rejected = Atomic<Int>(0)

    var rejectedMeasurements: Int { rejected.load(ordering: .relaxed) }

    var counts: [MetricsProblem.Code: Int] { state.withLock(\.counts) }

    func rejectMeasurement() {
        rejected.wrappingAdd(1, ordering: .relaxed)
    }

    func setHandler(_ handler: Handler?) {
        state.withLock { $0.handler = handler }
    }

    /// Counts a problem, and reports it the first time that it happens to a metric while there is a handler.
    func report(_ code: MetricsProblem.Code, _ metric: String, _ message: @autoclosure () -> String) {
        let handler = state.withLock { state -> Handler? in
            state.counts[code, default: 0] += 1
            guard let handler = state.handler, state.reported.count < Self.reportLimit else { return nil }
            return state.reported.insert(Report(code: code, metric: metric)).inserted ? handler : nil
        }
        handler?(MetricsProblem(code: code, metric: metric, message: message()))
    }
}
