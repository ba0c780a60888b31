internal import Synchronization

/// The series of one metric, told apart by the values of its labels.
///
/// A family never has more series than the registry's limit; what comes later is counted in one series with the label
/// `otel_metric_overflow="true"`, so that no measurement is lost. Implements the OpenTelemetry metrics SDK,
/// "Cardinality limits".
///
/// Looking up a series takes neither a lock nor memory once the series is there. Hot paths keep the instrument all the
/// same: a lookup hashes and compares the label values, which takes many times as long as counting.
public final class MetricFamily<Instrument: AnyObject & Sendable>: Sendable {
    /// What an exposition shows: all series in the order of their label values, the overflow last.
    struct Snapshot {
        let instruments: [Instrument]
        let overflow: Instrument?

        var isEmpty: Bool { instruments.isEmpty && overflow == nil }

        @inline(__always)
        func forEach(_ body: (Instrument) -> Void) {
            for instrument in instruments { body(instrument) }
            if let overflow { body(overflow) }
        }
    }

    private struct State {
        /// Of series that bring their own labels; the others are in the index.
        var byDimensions: [[String]: Instrument] = [:]
        // In ascending order of the keys, so that an exposition does not depend on who came first.
        var keys: [[String]] = []
        var instruments: [Instrument] = []
        var overflow: Instrument?

        mutating func insert(_ instrument: Instrument, key: [String]) {
            let index = keys.partitioningIndex { !$0.lexicographicallyPrecedes(key) }
            keys.insert(key, at: index)
            instruments.insert(instrument, at: index)
        }
    }

    private enum Lookup {
        case found(Instrument)
        case overflow(Instrument)
    }

    let descriptor: MetricDescriptor
    let header: ExpositionHeader
    /// How many label values a series has; -1 when each brings its own labels, or when the family is not registered.
    let labelCount: Int
    let index = SeriesIndex<Instrument>()
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
        header = ExpositionHeader(descriptor)
        labelCount = isDetached ? -1 : descriptor.labelNames?.count ?? -1
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
        if let detached { return detached }
        var hash = LabelHash(seed: index.seed)
        for value in values { hash.add(value) }
        let isMatch: ([String]) -> Bool = { $0 == values }
        if let instrument = index.find(hash.value, where: isMatch) { return instrument }
        return instrument { state in
            if let instrument = index.find(hash.value, where: isMatch) { return .found(instrument) }
            if let overflow = overflow(&state, key: values) { return .overflow(overflow) }
            let instrument = make(SeriesLabels(zip(names, values)))
            index.insert(hash.value, .init(key: values, instrument: instrument), count: state.instruments.count)
            state.insert(instrument, key: values)
            return .found(instrument)
        }
    }

    /// The instrument for labels that the series brings itself, and its key.
    func instrument(dimensions: [(String, String)]) -> (instrument: Instrument, key: [String]) {
        let labels = MetricName.labels(dimensions, reserved: descriptor.reservedLabels)
        let key = labels.flatMap { [$0.0, $0.1] }
        if let detached { return (detached, key) }
        let instrument = instrument { state in
            if let instrument = state.byDimensions[key] { return .found(instrument) }
            if let overflow = overflow(&state, key: key) { return .overflow(overflow) }
            let instrument = make(SeriesLabels(labels))
            state.byDimensions[key] = instrument
            state.insert(instrument, key: key)
            return .found(instrument)
        }
        return (instrument, key)
    }

    /// Forgets a series that brought its own labels.
    func remove(key: [String]) {
        state.withLock { state in
            guard state.byDimensions.removeValue(forKey: key) != nil else { return }
            let index = state.keys.partitioningIndex { !$0.lexicographicallyPrecedes(key) }
            guard index < state.keys.count, state.keys[index] == key else { return }
            state.keys.remove(at: index)
            state.instruments.remove(at: index)
        }
    }

    /// All series of this moment; takes no memory.
    var snapshot: Snapshot {
        state.withLock { Snapshot(instruments: $0.instruments, overflow: $0.overflow) }
    }

    /// The overflow series, if the family is full; it counts towards the limit.
    private func overflow(_ state: inout sending State, key: [String]) -> Instrument? {
        if state.instruments.count < limit - 1 || key.isEmpty { return nil }
        let overflow = state.overflow ?? make(.overflow)
        state.overflow = overflow
        return overflow
    }

    private func instrument(_ lookup: (inout sending State) -> sending Lookup) -> Instrument {
        switch state.withLock(lookup) {
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
