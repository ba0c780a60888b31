internal import Synchronization

/// One value of a metric that is read when it is scraped.
public struct ObservedValue: Sendable {
    /// The value; a series whose value is not a number is left out.
    public let value: Double
    /// The values of the metric's labels, in their order.
    public let labels: [String]

    /// Creates a value.
    ///
    /// - Parameters:
    ///   - value: The value, in the metric's unit.
    ///   - labels: The values of the metric's labels, in their order.
    public init(_ value: Double, _ labels: String...) {
        self.init(value, labels: labels)
    }

    /// Creates a value from a list of label values.
    public init(_ value: Double, labels: [String]) {
        self.value = value
        self.labels = labels
    }
}

/// A registration of a callback that reads a metric's values; ends when it is cancelled.
public struct MetricObservation: Sendable {
    let end: @Sendable () -> Void

    /// Removes the callback and its series. Cancelling again does nothing.
    public func cancel() { end() }
}

/// The series of a metric whose values are read when it is scraped.
final class ObservedFamily: Sendable {
    typealias Observe = @Sendable () -> [ObservedValue]

    private struct State {
        var observers: [(id: UInt64, observe: Observe)] = []
        var nextID: UInt64 = 0
        /// The labels of the series that are shown by themselves while there are too many.
        var shown: Set<[String]> = []
    }

    let descriptor: MetricDescriptor
    let header: ExpositionHeader
    private let limit: Int
    private let diagnostics: MetricsDiagnostics
    private let state = Mutex(State())

    init(_ descriptor: MetricDescriptor, limit: Int, diagnostics: MetricsDiagnostics) {
        self.descriptor = descriptor
        header = ExpositionHeader(descriptor)
        self.limit = max(1, limit)
        self.diagnostics = diagnostics
    }

    /// Adds a callback. A metric without labels has one value, so a new callback replaces the one before.
    func add(_ observe: @escaping Observe) -> MetricObservation {
        let id = state.withLock { state in
            if descriptor.labelNames?.isEmpty == true { state.observers = [] }
            state.nextID += 1
            state.observers.append((state.nextID, observe))
            return state.nextID
        }
        return MetricObservation { [weak self] in
            self?.state.withLock { state in state.observers.removeAll { $0.id == id } }
        }
    }

    /// Calls the callbacks. Of several values with the same labels the latest callback's is kept.
    ///
    /// - Returns: The series in the order of their label values, and the sum of those that are too many. A sum means little
    ///   for a gauge whose values are no amounts, but says that there are more of them.
    func collect() -> (values: [ObservedValue], overflow: Double?) {
        // Outside of the lock: a callback may itself use the registry.
        let observers = state.withLock(\.observers)
        let labelCount = descriptor.labelNames?.count ?? 0
        var values: [[String]: ObservedValue] = [:]
        for observer in observers.reversed() {
            for value in observer.observe() where isExposable(value.value) && values[value.labels] == nil {
                guard value.labels.count == labelCount else {
                    diagnostics.report(
                        .labelMismatch,
                        descriptor.name,
                        "an observed value with \(value.labels.count) label values instead of \(labelCount) is left out"
                    )
                    continue
                }
                values[value.labels] = value
            }
        }
        var ordered = values.values.sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
        // The overflow series counts towards the limit; a metric without labels has one series and needs none.
        guard labelCount > 0, ordered.count >= limit else { return (ordered, nil) }
        let shown = shown(of: ordered)
        let overflow = ordered.reduce(0) { shown.contains($1.labels) ? $0 : $0 + $1.value }
        ordered.removeAll { !shown.contains($0.labels) }
        diagnostics.report(
            .seriesLimit,
            descriptor.name,
            "more than \(limit) series; further ones share the series \(MetricName.overflowLabel)=\"true\""
        )
        return (ordered, overflow)
    }

    /// Which series are shown by themselves: those that were, as long as they are there, so that none of them jumps.
    private func shown(of values: [ObservedValue]) -> Set<[String]> {
        state.withLock { state in
            var shown = state.shown.intersection(values.map(\.labels))
            for value in values where shown.count < limit - 1 { shown.insert(value.labels) }
            state.shown = shown
            return shown
        }
    }

    private func isExposable(_ value: Double) -> Bool {
        if value.isNaN { return false }
        return descriptor.kind != .counter || value >= 0
    }
}
