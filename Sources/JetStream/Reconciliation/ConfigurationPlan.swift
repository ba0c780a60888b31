/// What it takes to make a stream or consumer what the code declares: a value to print before anything is done.
public struct ConfigurationPlan: Sendable, Hashable {
    /// What would be done.
    public enum Action: String, Sendable {
        /// It is missing.
        case create
        /// It is as declared.
        case keep
        /// It differs in what can be changed safely.
        case update
        /// It differs in what must not be changed silently.
        case refuse
    }

    /// One field that differs.
    public struct Difference: Sendable, Hashable, CustomStringConvertible {
        /// The field's name in the JetStream API.
        public let field: String
        /// The value that the server has, as JSON.
        public let existing: String
        /// The declared value, as JSON.
        public let wanted: String
        /// Whether it may be changed without losing a message or changing who reads it.
        public let isSafe: Bool

        /// The field and both values.
        public var description: String { "\(field) is \(existing), wanted \(wanted)" }
    }

    /// The stream or consumer.
    public let thing: String
    /// What would be done.
    public let action: Action
    /// The fields that differ; none when it is missing.
    public let differences: [Difference]
}

extension ConfigurationPlan: CustomStringConvertible {
    /// A line for the thing, and one for each difference, marked with `~` when it can be changed and `!` when not.
    public var description: String {
        (["\(action.rawValue) \(thing)"] + differences.map { "  \($0.isSafe ? "~" : "!") \($0)" })
            .joined(separator: "\n")
    }
}

extension ConfigurationPlan {
    /// Throws when something must not be changed silently.
    func check() throws(JetStreamError) {
        guard action == .refuse else { return }
        throw JetStreamError(
            .configurationConflict,
            "\(thing) exists with another configuration that must not be changed silently: "
                + differences.filter { !$0.isSafe }.map(\.description).joined(separator: "; ")
                + ". Change the declaration, or migrate by hand"
        )
    }
}
