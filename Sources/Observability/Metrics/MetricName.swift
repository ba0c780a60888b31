/// Makes names that Prometheus accepts out of any text.
///
/// Implements the OpenTelemetry "Prometheus and OpenMetrics compatibility" rules for names: what is not allowed becomes
/// `_`, runs of `_` become one. Colons belong to recording rules, leading `_` in labels to Prometheus itself.
enum MetricName {
    /// The label of the series that takes what is above a family's limit.
    static let overflowLabel = "otel_metric_overflow"
    /// The info whose labels are the resource's attributes.
    static let target = "target_info"

    /// The name of a family as the text format 0.0.4 writes it, with the unit and the suffix that its type asks for.
    static func family(_ name: String, unit: MetricUnit?, suffix: String) -> String {
        var stem = sanitised(name)
        if !suffix.isEmpty, stem.hasSuffix(suffix) { stem.removeLast(suffix.count) }
        while stem.last == "_" { stem.removeLast() }
        if stem.isEmpty { stem = "unnamed" }
        if stem.first?.isASCIIDigit == true { stem = "_" + stem }
        if let unit {
            let word = sanitised(unit.rawValue)
            if !word.isEmpty, stem != word, !stem.hasSuffix("_" + word) { stem += "_" + word }
        }
        return stem + suffix
    }

    /// The label names of a family: legal, not reserved, and different from one another.
    static func labels(_ names: [String], reserved: Set<String>) -> [String] {
        var result: [String] = []
        for name in names {
            let base = label(name, reserved: reserved)
            var unique = base
            var number = 2
            while result.contains(unique) {
                unique = "\(base)_\(number)"
                number += 1
            }
            result.append(unique)
        }
        return result
    }

    /// One label name.
    static func label(_ name: String, reserved: Set<String>) -> String {
        let trimmed = String(sanitised(name).drop { $0 == "_" })
        if trimmed.isEmpty { return "label" }
        if trimmed.first?.isASCIIDigit == true { return "key_" + trimmed }
        return reserved.contains(trimmed) ? "exported_" + trimmed : trimmed
    }

    /// Legal label names in order, without empty values; the values of names that become one are joined.
    static func labels(_ dimensions: [(String, String)], reserved: Set<String>) -> [(String, String)] {
        var values: [String: String] = [:]
        for (name, value) in dimensions.sorted(by: { $0.0 < $1.0 }) where !value.isEmpty {
            values[label(name, reserved: reserved), default: ""] += ";" + value
        }
        return values.sorted { $0.key < $1.key }.map { ($0.key, String($0.value.dropFirst())) }
    }

    private static func sanitised(_ name: String) -> String {
        var result = ""
        for scalar in name.unicodeScalars {
            let isLegal = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            if isLegal {
                result.unicodeScalars.append(scalar)
            } else if result.last != "_" {
                result.append("_")
            }
        }
        return result
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}
