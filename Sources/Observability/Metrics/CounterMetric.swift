internal import Synchronization

/// A number that only grows.
///
/// Incrementing is lock-free and allocates nothing; keep the instrument instead of looking it up each time. Whole
/// amounts and fractions are counted apart, so that counting events stays one atomic addition.
public final class CounterMetric: Sendable {
    /// `name{labels} `: everything of the series' line before the number.
    let linePrefix: [UInt8]
    private let diagnostics: MetricsDiagnostics
    private let whole = Atomic<UInt64>(0)
    /// The bit pattern of a `Double`.
    private let fraction = Atomic<UInt64>(0)

    init(name: String, labels: SeriesLabels, diagnostics: MetricsDiagnostics) {
        linePrefix = labels.linePrefix(name)
        self.diagnostics = diagnostics
    }

    /// Adds one.
    public func increment() {
        whole.wrappingAdd(1, ordering: .relaxed)
    }

    /// Adds a whole amount. A negative one is ignored and counted as rejected.
    public func increment(by amount: Int) {
        guard amount >= 0 else { return diagnostics.rejectMeasurement() }
        whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
    }

    /// Adds an amount. What is negative or not finite is ignored and counted as rejected.
    public func increment(by amount: Double) {
        guard amount >= 0, amount.isFinite else { return diagnostics.rejectMeasurement() }
        if amount <= 0x1p53, amount == amount.rounded(.towardZero) {
            whole.wrappingAdd(UInt64(amount), ordering: .relaxed)
        } else {
            fraction.addDouble(amount)
        }
    }

    /// The total so far.
    public var value: Double {
        let parts = self.parts
        return Double(parts.whole) + parts.fraction
    }

    var parts: (whole: UInt64, fraction: Double) {
        (whole.load(ordering: .relaxed), Double(bitPattern: fraction.load(ordering: .relaxed)))
    }

    /// Starts again at zero, which Prometheus takes for a restart. Only swift-metrics asks for it.
    func reset() {
        whole.store(0, ordering: .relaxed)
        fraction.store(0, ordering: .relaxed)
    }
}

extension Atomic<UInt64> {
    /// Adds to the `Double` whose bit pattern this is.
    ///
    /// Releasing, so that whoever reads the new sum with an acquiring load sees what was counted before it.
    @inline(__always)
    func addDouble(_ amount: Double) {
        var current = load(ordering: .relaxed)
        while true {
            let (exchanged, original) = weakCompareExchange(
                expected: current,
                desired: (Double(bitPattern: current) + amount).bitPattern,
                successOrdering: .releasing,
                failureOrdering: .relaxed
            )
            if exchanged { return }
            current = original
        }
    }
}
