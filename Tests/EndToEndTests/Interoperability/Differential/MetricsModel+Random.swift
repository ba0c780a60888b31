import Observability
import TestKit

extension MetricsModel {
    private static let words = ["http", "server", "calls", "queue", "depth", "db", "x9", "retries", "a"]
    private static let labelNames = ["method", "code", "peer", "queue_name", "x", "Le", "Quantile"]
    /// What has to be escaped, what must not be, and what a careless reader takes for the end of something.
    private static let pieces =
        Array(
            "abcdefXYZ019 _-/.,:;=+*?!$%&|~^'`@<>()[]{}##\"\"\"\\\\\\\n\n\té€😀\u{301}\u{A0}\u{85}\u{2028}\u{0}\u{1B}\u{7F}\r"
        )
        .map { String($0) } + ["\\n", "\\\\", "\"}", " # ", "e\u{301}"]

    static func make(_ generator: inout SeededGenerator) -> MetricsModel {
        var metrics = (0..<generator.pick([0, 1, 1, 1, 2])).map { metric($0, &generator) }
        metrics.sort { $0.exposedName < $1.exposedName }
        return MetricsModel(
            metrics: metrics,
            // Expositions have whole milliseconds.
            nanoseconds: .random(in: 1...4_000_000_000_000, using: &generator) * 1_000_000
        )
    }

    private static func metric(_ index: Int, _ generator: inout SeededGenerator) -> Metric {
        // The number makes names of one registry different, also with suffixes.
        let stem =
            (0..<Int.random(in: 1...3, using: &generator)).map { _ in generator.pick(words) }.joined(separator: "_")
            + "_m\(index)"
        var labels = Array(labelNames.shuffled(using: &generator).prefix(generator.pick([0, 0, 1, 2, 3])))
        var kind = generator.pick([Kind.counter, .gauge, .histogram(bounds(&generator)), .info])
        if case .info = kind {
            if generator.oneIn(2) { labels = ["one", "two"] } else { kind = .counter }
        }
        var unit = generator.oneIn(3) ? generator.pick([MetricUnit.seconds, .bytes, .ratio]) : nil
        if case .info = kind { unit = nil }
        var metric = Metric(kind: kind, stem: stem, help: text(&generator, 20), unit: unit, labels: labels, series: [])
        let count = if case .info = kind { 1 } else { labels.isEmpty ? 1 : Int.random(in: 1...3, using: &generator) }
        var seen: Set<[[UInt8]]> = []
        for _ in 0..<count {
            let values = labels.map { _ in text(&generator, 8) }
            // Told apart by their bytes: Unicode's equivalent texts are different label values.
            guard seen.insert(values.map { Array($0.utf8) }).inserted else { continue }
            metric.series.append(series(values, kind, &generator))
        }
        return metric
    }

    private static func series(_ values: [String], _ kind: Kind, _ generator: inout SeededGenerator) -> Series {
        var numbers: [Double] = []
        for _ in 0..<Int.random(in: 0...6, using: &generator) {
            // Eighths add up exactly, in any order.
            let eighths = Double(Int.random(in: 0...8_000, using: &generator)) / 8
            switch kind {
            case .counter: numbers.append(generator.oneIn(3) ? eighths : eighths.rounded())
            case .gauge: numbers.append(anyNumber(&generator))
            case .histogram: numbers.append(generator.oneIn(20) ? -eighths : eighths)
            case .info: break
            }
        }
        let flags: TraceFlags = generator.oneIn(4) ? [] : .sampled
        let span = SpanContext(
            traceID: TraceID(high: generator.next(), low: generator.next()),
            spanID: SpanID(generator.next() | 1),
            flags: flags
        )
        return Series(values: values, numbers: numbers, span: generator.oneIn(3) ? nil : span)
    }

    private static func bounds(_ generator: inout SeededGenerator) -> [Double] {
        let all: [Double] = [-1, 0, 0.005, 0.25, 1, 2.5, 10, 100, 1000]
        let first = generator.oneIn(10) ? 0 : 1
        let count = Int.random(in: 0...4, using: &generator)
        return all.dropFirst(first).shuffled(using: &generator).prefix(count).sorted()
    }

    private static func anyNumber(_ generator: inout SeededGenerator) -> Double {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0:
            generator.pick([
                0, -0.0, 1, -1, .infinity, -.infinity, .nan, .greatestFiniteMagnitude, .leastNonzeroMagnitude,
            ])
        case 1: Double(bitPattern: generator.next())
        case 2: Double(Int64(bitPattern: generator.next()))
        case 3: Double(Int.random(in: -1_000_000...1_000_000, using: &generator)) / 1000
        default: Double(Int.random(in: 0...1000, using: &generator))
        }
    }

    private static func text(_ generator: inout SeededGenerator, _ limit: Int) -> String {
        (0..<Int.random(in: 0...limit, using: &generator)).map { _ in generator.pick(pieces) }.joined()
    }
}

extension MetricsModel.Metric {
    /// What the exposition is ordered by: the name of its samples in text 0.0.4.
    fileprivate var exposedName: String {
        let base = stem + (unit.map { "_" + $0.rawValue } ?? "")
        return switch kind {
        case .counter: base + "_total"
        case .info: base + "_info"
        case .gauge, .histogram: base
        }
    }
}
