/// A strict reader of Prometheus text 0.0.4: refuses everything that a well-behaved client does not write.
struct ExpositionParser {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Sample: Hashable {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    struct Family {
        let name: String
        var help: String?
        var type = ""
        var samples: [Sample] = []

        func value(_ labels: [String: String] = [:], suffix: String = "") -> Double? {
            samples.first { $0.name == name + suffix && $0.labels == labels }?.value
        }
    }

    /// Reads an exposition and checks its invariants, those of histograms included.
    static func parse(_ bytes: [UInt8]) throws -> [String: Family] {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Failure(description: "not UTF-8") }
        guard text.isEmpty || text.utf8.last == UInt8(ascii: "\n") else { throw Failure(description: "no last LF") }
        var families: [String: Family] = [:]
        var order: [String] = []
        var current: Family?
        func finish() throws {
            guard let family = current else { return }
            guard families[family.name] == nil else { throw Failure(description: "\(family.name) is interleaved") }
            if family.samples.isEmpty { throw Failure(description: "\(family.name) has no samples") }
            try check(family)
            families[family.name] = family
            order.append(family.name)
        }
        // Everything by scalars: CR LF is one character, and so are a quote and a combining mark after it.
        for line in text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            guard line.starts(with: "# ".unicodeScalars) else {
                guard current != nil else { throw Failure(description: "sample without a family: \(line)") }
                current?.samples.append(try sample(line))
                continue
            }
            let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 4 else { throw Failure(description: "metadata: \(line)") }
            let name = parts[2]
            switch parts[1] {
            case "HELP":
                try finish()
                current = Family(name: name, help: try unescape(parts[3], quote: false))
            case "TYPE":
                if current?.name != name || current?.type != "" {
                    try finish()
                    current = Family(name: name)
                }
                guard ["counter", "gauge", "histogram"].contains(parts[3]) else {
                    throw Failure(description: "type: \(line)")
                }
                current?.type = parts[3]
            default: throw Failure(description: "comment: \(line)")
            }
        }
        try finish()
        guard order == order.sorted() else { throw Failure(description: "families are not in order") }
        return families
    }

    private static func sample(_ line: Substring.UnicodeScalarView) throws -> Sample {
        var rest = line
        func take(until ends: Unicode.Scalar...) -> String {
            let text = String(rest.prefix { !ends.contains($0) })
            rest = rest.dropFirst(text.unicodeScalars.count)
            return text
        }
        let name = take(until: "{", " ")
        guard name.wholeMatch(of: /[a-zA-Z_:][a-zA-Z0-9_:]*/) != nil else {
            throw Failure(description: "name: \(line)")
        }
        var labels: [String: String] = [:]
        if rest.first == "{" {
            var separator = rest.popFirst()
            while separator != "}" {
                let key = take(until: "=")
                guard key.wholeMatch(of: /[a-zA-Z][a-zA-Z0-9_]*/) != nil, rest.starts(with: "=\"".unicodeScalars) else {
                    throw Failure(description: "label: \(line)")
                }
                rest = rest.dropFirst(2)
                var raw = String.UnicodeScalarView()
                while let scalar = rest.popFirst(), scalar != "\"" {
                    raw.append(scalar)
                    if scalar == "\\", let next = rest.popFirst() { raw.append(next) }
                }
                guard labels.updateValue(try unescape(String(raw), quote: true), forKey: key) == nil else {
                    throw Failure(description: "label twice: \(line)")
                }
                separator = rest.popFirst()
                guard separator == "," || separator == "}" else { throw Failure(description: "separator: \(line)") }
            }
        }
        guard rest.popFirst() == " " else { throw Failure(description: "space: \(line)") }
        return Sample(name: name, labels: labels, value: try number(String(rest)))
    }

    private static func number(_ text: String) throws -> Double {
        switch text {
        case "NaN": return .nan
        case "+Inf": return .infinity
        case "-Inf": return -.infinity
        default:
            guard text.wholeMatch(of: /-?[0-9]+(\.[0-9]+)?(e[-+][0-9]{2,3})?/) != nil, let value = Double(text) else {
                throw Failure(description: "number: \(text)")
            }
            return value
        }
    }

    private static func unescape(_ text: String, quote: Bool) throws -> String {
        var result = String.UnicodeScalarView()
        var scalars = text.unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            guard scalar == "\\" else {
                result.append(scalar)
                continue
            }
            switch scalars.popFirst() {
            case "\\": result.append("\\")
            case "n": result.append("\n")
            case "\"" where quote: result.append("\"")
            default: throw Failure(description: "escape: \(text)")
            }
        }
        return String(result)
    }

    private static func check(_ family: Family) throws {
        guard Set(family.samples.map { [$0.name: $0.labels] }).count == family.samples.count else {
            throw Failure(description: "\(family.name) has a series twice")
        }
        switch family.type {
        case "counter":
            guard family.samples.allSatisfy({ $0.name == family.name && $0.value >= 0 }) else {
                throw Failure(description: "counter \(family.name)")
            }
        case "gauge":
            guard family.samples.allSatisfy({ $0.name == family.name }) else {
                throw Failure(description: "gauge \(family.name)")
            }
        default:
            try checkHistogram(family)
        }
    }

    private static func checkHistogram(_ family: Family) throws {
        let series = Dictionary(grouping: family.samples) { sample in sample.labels.filter { $0.key != "le" } }
        for (labels, samples) in series {
            let failure = Failure(description: "histogram \(family.name)\(labels)")
            let buckets = samples.dropLast(2)
            let bounds = try buckets.map { try number($0.labels["le"] ?? "none") }
            guard buckets.allSatisfy({ $0.name == family.name + "_bucket" }),
                bounds == bounds.sorted(), bounds.last == .infinity,
                buckets.map(\.value) == buckets.map(\.value).sorted(),
                samples.suffix(2).map(\.name) == [family.name + "_sum", family.name + "_count"],
                samples.suffix(2).allSatisfy({ $0.labels == labels }),
                buckets.last?.value == samples.last?.value
            else { throw failure }
        }
    }
}
