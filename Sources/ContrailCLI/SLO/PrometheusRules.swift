/// A file of Prometheus' rules, as YAML that is the same for the same rules.
struct PrometheusRules: Sendable, Hashable {
    struct Group: Sendable, Hashable {
        var name: String
        var rules: [Rule]
    }

    struct Rule: Sendable, Hashable {
        enum Kind: Sendable, Hashable {
            case record, alert
        }

        var kind: Kind
        var name: String
        var expression: String
        var keepFiringFor: String?
        var labels: [String: String]
        var annotations: [String: String] = [:]
    }

    /// What the file says about itself.
    var comment: String
    var interval: String
    var groups: [Group]

    /// The file's text.
    var text: String {
        var lines = ["# " + comment, "groups:"]
        for group in groups {
            lines += ["  - name: \(group.name)", "    interval: \(interval)", "    rules:"]
            lines += group.rules.flatMap(Self.lines)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func lines(of rule: Rule) -> [String] {
        var lines = ["      - \(rule.kind == .record ? "record" : "alert"): \(rule.name)", "        expr: |-"]
        lines += rule.expression.split(separator: "\n").map { "          " + $0 }
        if let duration = rule.keepFiringFor { lines.append("        keep_firing_for: \(duration)") }
        for (key, texts) in [("labels", rule.labels), ("annotations", rule.annotations)] where !texts.isEmpty {
            lines.append("        \(key):")
            lines += texts.sorted { $0.key < $1.key }.map { "          \($0.key): \(quoted($0.value))" }
        }
        return lines
    }

    /// A double-quoted scalar: whatever the text is, it is not taken for a number or a structure.
    private static func quoted(_ text: String) -> String {
        let escaped = text.map { character in
            switch character {
            case "\\": "\\\\"
            case "\"": "\\\""
            case "\n": "\\n"
            case "\t": "\\t"
            default: String(character)
            }
        }
        return "\"" + escaped.joined() + "\""
    }
}
