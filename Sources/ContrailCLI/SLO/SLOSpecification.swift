internal import Foundation

/// The objectives of one service, as a file of Sloth's specification `prometheus/v1` has them.
struct SLOSpecification: Sendable, Hashable {
    /// The service.
    var service: String
    /// Labels of all rules.
    var labels: [String: String]
    /// What is promised.
    var objectives: [ServiceLevelObjective]
}

/// How large a share of events must be good, and who is told when it is not.
struct ServiceLevelObjective: Sendable, Hashable {
    /// An alert of one severity: its labels and annotations beside those that the generator adds.
    struct Alert: Sendable, Hashable {
        var labels: [String: String]
        var annotations: [String: String]
    }

    var name: String
    /// Good events of a hundred, exactly as it was written.
    var percentage: Decimal
    var labels: [String: String]
    /// Bad events a second, with a placeholder for the window. May be negative for a moment.
    var errorQuery: String
    /// All events a second, with a placeholder for the window.
    var totalQuery: String
    var alertName: String
    /// Fewer bad events than this within the long window of an alert are no reason to tell anybody.
    var minimumBadEvents: Int
    /// Whom it wakes; `nil` when that is switched off.
    var page: Alert?
    /// What can wait until the morning; `nil` when that is switched off.
    var ticket: Alert?

    /// The share of events that may be bad.
    var errorBudget: Decimal { (100 - percentage) / 100 }
}

/// What is wrong with a specification, where, and what would be right.
struct SLOSpecificationError: Error, Sendable, CustomStringConvertible {
    let file: String
    let line: Int?
    /// Where in the structure, as `slos[0].objective`.
    let path: String
    let problem: String

    var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return path.isEmpty ? "\(place): \(problem)" : "\(place): \(path): \(problem)"
    }
}
