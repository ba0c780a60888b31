import Observability
import TestKit

/// What is put into a registry, so that it can be compared with what somebody reads from its exposition.
struct MetricsModel {
    /// A number that is equal to itself even when it is none.
    struct Number: Hashable, CustomStringConvertible {
        private let bits: UInt64

        init(_ value: Double) {
            bits = value.isNaN ? Double.nan.bitPattern : value == 0 ? 0 : value.bitPattern
        }

        /// Reads Python's text of a number.
        init(text: String) {
            self.init(Double(text) ?? .signalingNaN)
        }

        var description: String { "\(Double(bitPattern: bits))" }
    }

    /// A text that is equal to the same bytes only; to `String`, differently composed accents are equal.
    struct Exact: Hashable, CustomStringConvertible {
        let text: String

        init(_ text: String) {
            self.text = text
        }

        static func == (one: Exact, other: Exact) -> Bool { one.text.utf8.elementsEqual(other.text.utf8) }

        func hash(into hasher: inout Hasher) {
            for byte in text.utf8 { hasher.combine(byte) }
        }

        var description: String { text.debugDescription }
    }

    struct Exemplar: Hashable {
        var labels: [String: String]
        var value: Number
        var nanoseconds: UInt64
    }

    struct Sample: Hashable {
        var name: String
        var labels: [String: Exact]
        var value: Number
        var exemplar: Exemplar?
    }

    struct Family: Hashable {
        var name: String
        var type: String
        var help: Exact
        var unit: String
        /// By labels but for `le`: the order of series means nothing, that of buckets does.
        var series: [[String: Exact]: [Sample]]

        init(name: String, type: String, help: Exact, unit: String, samples: [Sample]) {
            self.name = name
            self.type = type
            self.help = help
            self.unit = unit
            series = Dictionary(grouping: samples) { sample in sample.labels.filter { $0.key != "le" } }
        }
    }

    enum Kind {
        case counter, gauge, info
        case histogram([Double])
    }

    struct Series {
        var values: [String]
        /// Increments, observations, or the last one is what a gauge is set to.
        var numbers: [Double]
        /// The span that the measurements belong to.
        var span: SpanContext?
    }

    struct Metric {
        var kind: Kind
        /// Without unit and suffix.
        var stem: String
        var help: String
        var unit: MetricUnit?
        var labels: [String]
        var series: [Series]
    }

    /// In the order of their names.
    var metrics: [Metric]
    var nanoseconds: UInt64
}

// What the registry should make of it.
extension MetricsModel {
    func register() -> MetricsRegistry {
        let registry = MetricsRegistry(clock: { [nanoseconds] in nanoseconds })
        // Exemplars are taken once somebody has asked for OpenMetrics.
        _ = OpenMetricsText.render(registry)
        for metric in metrics {
            switch metric.kind {
            case .counter:
                let family = registry.counter(metric.stem, help: metric.help, unit: metric.unit, labels: metric.labels)
                for series in metric.series { series.count(on: family.with(series.values)) }
            case .gauge:
                let family = registry.gauge(metric.stem, help: metric.help, unit: metric.unit, labels: metric.labels)
                for series in metric.series { family.with(series.values).set(series.numbers.last ?? 0) }
            case .histogram(let bounds):
                let family = registry.histogram(
                    metric.stem,
                    help: metric.help,
                    unit: metric.unit,
                    labels: metric.labels,
                    buckets: HistogramBuckets(bounds)
                )
                for series in metric.series {
                    let histogram = family.with(series.values)
                    for number in series.numbers { histogram.observe(number, exemplar: series.span) }
                }
            case .info:
                let values = metric.series.first?.values ?? []
                registry.info(metric.stem, help: metric.help, facts: ["one": values[0], "two": values[1]])
            }
        }
        return registry
    }

    func families(isOpenMetrics: Bool) -> [Family] {
        metrics.map { metric in
            let unit = metric.unit?.rawValue ?? ""
            let base = metric.stem + (unit.isEmpty ? "" : "_" + unit)
            var name = base
            let type: String
            let samples: [Sample]
            switch metric.kind {
            case .counter:
                type = "counter"
                samples = metric.series.map { $0.counter(base, metric.labels, self, isOpenMetrics: isOpenMetrics) }
            case .gauge:
                type = "gauge"
                samples = metric.series.map {
                    Sample(name: base, labels: $0.labels(metric.labels), value: Number($0.numbers.last ?? 0))
                }
            case .info:
                type = isOpenMetrics ? "info" : "gauge"
                name = isOpenMetrics ? base : base + "_info"
                samples = metric.series.map {
                    Sample(name: base + "_info", labels: $0.labels(["one", "two"]), value: Number(1))
                }
            case .histogram(let bounds):
                type = "histogram"
                samples = metric.series.flatMap {
                    $0.histogram(base, metric.labels, bounds, self, isOpenMetrics: isOpenMetrics)
                }
            }
            return Family(
                name: name,
                type: type,
                help: Exact(metric.help),
                unit: isOpenMetrics ? unit : "",
                samples: samples
            )
        }
    }

    func exemplar(_ value: Double, _ span: SpanContext?) -> Exemplar? {
        guard let span, span.isSampled else { return nil }
        return Exemplar(
            labels: ["trace_id": span.traceID.hex, "span_id": span.spanID.hex],
            value: Number(value),
            nanoseconds: nanoseconds
        )
    }
}

extension MetricsModel.Series {
    func labels(_ names: [String]) -> [String: MetricsModel.Exact] {
        Dictionary(uniqueKeysWithValues: zip(names, values.map(MetricsModel.Exact.init)))
    }

    func count(on counter: CounterMetric) {
        for number in numbers {
            if let whole = Int(exactly: number) {
                counter.increment(by: whole, exemplar: span)
            } else {
                counter.increment(by: number)
            }
        }
    }

    fileprivate func counter(
        _ name: String,
        _ labels: [String],
        _ model: MetricsModel,
        isOpenMetrics: Bool
    ) -> MetricsModel.Sample {
        let first = numbers.first { Int(exactly: $0) != nil }
        return MetricsModel.Sample(
            name: name + "_total",
            labels: self.labels(labels),
            value: .init(numbers.reduce(0, +)),
            exemplar: isOpenMetrics ? first.flatMap { model.exemplar($0, span) } : nil
        )
    }

    fileprivate func histogram(
        _ name: String,
        _ labels: [String],
        _ bounds: [Double],
        _ model: MetricsModel,
        isOpenMetrics: Bool
    ) -> [MetricsModel.Sample] {
        let labels = self.labels(labels)
        var samples: [MetricsModel.Sample] = []
        var below = -Double.infinity
        for bound in bounds + [.infinity] {
            let first = numbers.first { $0 > below && $0 <= bound }
            samples.append(
                MetricsModel.Sample(
                    name: name + "_bucket",
                    labels: labels.merging(["le": .init(Self.canonical(bound))]) { $1 },
                    value: .init(Double(numbers.count { $0 <= bound })),
                    exemplar: isOpenMetrics ? first.flatMap { model.exemplar($0, span) } : nil
                )
            )
            below = bound
        }
        // OpenMetrics has no sum where it may fall.
        if isOpenMetrics, numbers.contains(where: { $0 < 0 }) || bounds.contains(where: { $0 < 0 }) { return samples }
        samples.append(.init(name: name + "_sum", labels: labels, value: .init(numbers.reduce(0, +))))
        samples.append(.init(name: name + "_count", labels: labels, value: .init(Double(numbers.count))))
        return samples
    }

    /// The bound as OpenMetrics' "Considerations: Canonical Numbers" has it; the generator's bounds need no exponent.
    private static func canonical(_ bound: Double) -> String { bound == .infinity ? "+Inf" : "\(bound)" }
}

extension MetricFamily<CounterMetric> {
    fileprivate func with(_ values: [String]) -> CounterMetric {
        switch values.count {
        case 0: labels()
        case 1: labels(values[0])
        case 2: labels(values[0], values[1])
        default: labels(values[0], values[1], values[2])
        }
    }
}

extension MetricFamily<GaugeMetric> {
    fileprivate func with(_ values: [String]) -> GaugeMetric {
        switch values.count {
        case 0: labels()
        case 1: labels(values[0])
        case 2: labels(values[0], values[1])
        default: labels(values[0], values[1], values[2])
        }
    }
}

extension MetricFamily<HistogramMetric> {
    fileprivate func with(_ values: [String]) -> HistogramMetric {
        switch values.count {
        case 0: labels()
        case 1: labels(values[0])
        case 2: labels(values[0], values[1])
        default: labels(values[0], values[1], values[2])
        }
    }
}
