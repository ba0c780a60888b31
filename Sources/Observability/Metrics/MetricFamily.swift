internal import Synchronization

/// The series of one metric, told apart by the values of its labels.
///
/// A family never has more series than the registry's limit; what comes later is counted in one series with the label
/// `otel_metric_overflow="true"`, so that no measurement is lost. Implements the OpenTelemetry metrics SDK,
/// "Cardinality limits".
public final class MetricFamily<Instrument: Sendable>: Sendable {
    private struct Series {
        let key: [String]
        let instrument: Instrument
    }

    private struct State {
        var byKey: [[String]: Instrument] = [:]
        /// In ascending order of the keys, so that an exposition does not depend on who came first.
        var ordered: [Series] = []
        var overflow: Instrument?
    }

    private enum Lookup {
        case found(Instrument)
        case overflow(Instrument)
    }

    let descriptor: MetricDescriptor
    private let limit: Int
    private let diagnostics: MetricsDiagnostics
    private let make: @Sendable (SeriesLabels) -> Instrument
    /// What everybody gets from a family that could not be registered: it counts, but nobody sees it.
    private let detached: Instrument?
    private let state = Mutex(State())

    init(
        _ descriptor: MetricDescriptor,
        limit: Int,
        diagnostics: MetricsDiagnostics,
        isDetached: Bool,
        make: @escaping @Sendable (SeriesLabels) -> Instrument
    ) {
        self.descriptor = descriptor
        self.limit = max(1, limit)
        self.diagnostics = diagnostics
        self.make = make
        detached = isDetached ? make(SeriesLabels([])) : nil
        // A metric without labels is there from the start, with zero.
        if !isDetached, descriptor.labelNames?.isEmpty == true { _ = instrument(values: []) }
    }

    /// The instrument for values of the family's labels.
    func instrument(values: [String]) -> Instrument {
        let names = descriptor.labelNames ?? []
        guard values.count == names.count else {
            diagnostics.report(
                .labelMismatch,
                descriptor.name,
                "\(values.count) label values for \(names.count) labels (\(names.joined(separator: ", "))); "
                    + "the measurements are not exposed"
            )
            return detached ?? make(SeriesLabels([]))
        }
        return instrument(key: values) { SeriesLabels(zip(names, values)) }
    }

    /// The instrument for labels that the series brings itself, and its key.
    func instrument(dimensions: [(String, String)]) -> (instrument: Instrument, key: [String]) {
        let labels = Self.labels(dimensions, reserved: descriptor.reservedLabels)
        let key = labels.flatMap { [$0.0, $0.1] }
        return (instrument(key: key) { SeriesLabels(labels) }, key)
    }

    /// Forgets a series.
    func remove(key: [String]) {
        state.withLock { state in
            guard state.byKey.removeValue(forKey: key) != nil else { return }
            state.ordered.removeAll { $0.key == key }
        }
    }

    /// All series, in the order of their label values, the overflow last.
    var instruments: [Instrument] {
        state.withLock { state in state.ordered.map(\.instrument) + (state.overflow.map { [$0] } ?? []) }
    }

    private func instrument(key: [String], labels: () -> SeriesLabels) -> Instrument {
        if let detached { return detached }
        let lookup = state.withLock { state -> Lookup in
            if let instrument = state.byKey[key] { return .found(instrument) }
            // The overflow series counts towards the limit.
            guard state.ordered.count < limit - 1 || key.isEmpty else {
                let overflow = state.overflow ?? make(.overflow)
                state.overflow = overflow
                return .overflow(overflow)
            }
            let instrument = make(labels())
            state.byKey[key] = instrument
            let index = state.ordered.partitioningIndex { !$0.key.lexicographicallyPrecedes(key) }
            state.ordered.insert(Series(key: key, instrument: instrument), at: index)
            return .found(instrument)
        }
        switch lookup {
        case .found(let instrument):
            return instrument
        case .overflow(let instrument):
            diagnostics.report(
                .seriesLimit,
                descriptor.name,
                "more than \(limit) series; further ones share the series \(MetricName.overflowLabel)=\"true\""
            )
            return instrument
        }
    }

    /// Legal label names in order, without empty values; the values of names that become one are joined.
    private static func labels(_ dimensions: [(String, String)], reserved: Set<String>) -> [(String, String)] {
        var values: [String: String] = [:]
        for (name, value) in dimensions.sorted(by: { $0.0 < $1.0 }) where !value.isEmpty {
            values[MetricName.label(name, reserved: reserved), default: ""] += ";" + value
        }
        return values.sorted { $0.key < $1.key }.map { ($0.key, String($0.value.dropFirst())) }
    }
}

extension MetricFamily where Instrument == CounterMetric {
    /// The counter for values of the family's labels, in their order; the same one for the same values.
    public func labels(_ values: String...) -> CounterMetric { instrument(values: values) }
}

extension MetricFamily where Instrument == GaugeMetric {
    /// The gauge for values of the family's labels, in their order; the same one for the same values.
    public func labels(_ values: String...) -> GaugeMetric { instrument(values: values) }
}

extension MetricFamily where Instrument == HistogramMetric {
    /// The histogram for values of the family's labels, in their order; the same one for the same values.
    public func labels(_ values: String...) -> HistogramMetric { instrument(values: values) }
}

extension Array {
    /// The first index whose element satisfies a predicate that is false before and true from there on.
    func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
