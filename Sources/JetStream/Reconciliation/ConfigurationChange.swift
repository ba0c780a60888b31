/// Decides whether an existing configuration may become the wanted one.
struct ConfigurationChange {
    /// Fields that may change in any direction.
    let free: Set<String>
    /// Limits that may only be raised; zero and negative values mean unlimited.
    let raisable: Set<String>
    /// Lists that may only grow; their order means nothing.
    let growable: Set<String>

    static let stream = ConfigurationChange(
        free: ["description", "metadata", "duplicate_window", "num_replicas", "allow_atomic", "allow_direct"],
        raisable: ["max_age", "max_bytes", "max_msgs", "max_msgs_per_subject", "max_msg_size"],
        growable: ["subjects"]
    )

    static let consumer = ConfigurationChange(
        free: [
            "description", "metadata", "ack_wait", "max_deliver", "backoff", "max_ack_pending", "max_waiting",
            "num_replicas",
        ],
        raisable: [],
        growable: []
    )

    /// Compares the fields that `wanted` has; a thing that does not exist is to be created.
    func plan(wanted: [String: JSONValue], existing: [String: JSONValue]?, thing: String) -> ConfigurationPlan {
        guard let existing else { return ConfigurationPlan(thing: thing, action: .create, differences: []) }
        var differences: [ConfigurationPlan.Difference] = []
        func note(_ field: String, _ old: JSONValue, _ new: JSONValue, isSafe: Bool) {
            differences.append(
                ConfigurationPlan.Difference(
                    field: field,
                    existing: old.description,
                    wanted: new.description,
                    isSafe: isSafe
                )
            )
        }
        for (field, value) in wanted.sorted(by: { $0.key < $1.key }) {
            let old = existing[field] ?? .null
            // The server copies the first back-off entry over ack_wait.
            if field == "ack_wait", let backoff = wanted["backoff"], !backoff.isDefault { continue }
            if isEqual(old, value) { continue }
            note(field, old, value, isSafe: mayChange(field, from: old, to: value))
        }
        // A filter that exists and is not wanted narrows what the consumer reads.
        for field in ["filter_subject", "filter_subjects"] where wanted[field] == nil {
            if let old = existing[field], !old.isDefault { note(field, old, .null, isSafe: false) }
        }
        let action: ConfigurationPlan.Action =
            differences.isEmpty ? .keep : differences.allSatisfy(\.isSafe) ? .update : .refuse
        return ConfigurationPlan(thing: thing, action: action, differences: differences)
    }

    /// Returns the configuration to update to, which keeps every other field of `existing`.
    func merge(_ wanted: [String: JSONValue], into existing: [String: JSONValue]) -> [String: JSONValue] {
        existing.merging(wanted) { merged($0, $1) }
    }

    private func isEqual(_ old: JSONValue, _ new: JSONValue) -> Bool {
        if old == new || (old.isDefault && new.isDefault) { return true }
        switch (old, new) {
        case (.array(let old), .array(let new)):
            return Set(old) == Set(new) && old.count == new.count && !old.contains { $0.isNumber }
        case (.object(let old), .object(let new)):
            // The server adds metadata of its own.
            return new.allSatisfy { old[$0.key] == $0.value }
        default:
            return false
        }
    }

    private func mayChange(_ field: String, from old: JSONValue, to new: JSONValue) -> Bool {
        if free.contains(field) { return true }
        if raisable.contains(field), case .integer(let new) = new {
            if new <= 0 { return true }
            if case .integer(let old) = old { return old > 0 && new > old }
            return false
        }
        if growable.contains(field), case .array(let old) = old, case .array(let new) = new {
            return Set(new).isSuperset(of: old)
        }
        return false
    }

    private func merged(_ old: JSONValue, _ new: JSONValue) -> JSONValue {
        if case .object(let old) = old, case .object(let new) = new { return .object(old.merging(new) { $1 }) }
        return new
    }
}

extension JSONValue {
    fileprivate var isNumber: Bool {
        switch self {
        case .integer, .number: true
        case .null, .bool, .string, .array, .object: false
        }
    }
}
