internal import Synchronization

/// A number that only grows.
///
/// Incrementing is lock-free, mostly uncontended, and allocates nothing; keep the instrument instead of looking it up
/// each time. Whole amounts and fractions are counted apart, so that counting events stays exact.
public final class CounterMetric: Sendable {
    private static let whole = StripedCells.firstWord
    private static let fraction = StripedCells.firstWord + 1

    /// `name{labels} `: everything of the series' line before the number.
    let linePrefix: [UInt8]
    let exemplars: ExemplarStore
    private let diagnostics: MetricsDiagnostics
    private let cells = StripedCells(words: 2)
    // What the cells held when the counter was reset: cells themselves are never taken back.
    private let wholeBase = Atomic<UInt64>(0)
    private let fractionBase = Atomic<UInt64>(0)

    init(name: String, labels: SeriesLabels, exemplars: ExemplarPolicy, diagnostics: MetricsDiagnostics) {
        linePrefix = labels.linePrefix(name)
        self.exemplars = ExemplarStore(places: 1, policy: exemplars)
        self.diagnostics = diagnostics
    }

    /// Adds one.
    @inline(never)  // As are its sisters: see `ThreadRecord.runsHere`.
    public func increment() {
        add(1)
    }

    /// Adds a whole amount. A negative one is ignored and counted as rejected.
    @inline(never)
    public func increment(by amount: Int) {
        guard amount >= 0 else { return diagnostics.rejectMeasurement() }
        add(UInt64(amount))
    }

    /// Adds an amount. What is negative or not finite is ignored and counted as rejected.
    @inline(never)
    public func increment(by amount: Double) {
        // Nor is what is not a number.
        guard amount >= 0, amount < .infinity else { return diagnostics.rejectMeasurement() }
        if amount <= 0x1p53, amount == amount.rounded(.towardZero) {
            add(UInt64(amount))
        } else {
            add(fraction: amount)
        }
    }

    /// Adds a whole amount that belongs to a span which the caller has at hand.
    ///
    /// - Parameters:
    ///   - amount: What to add; a negative one is ignored and counted as rejected.
    ///   - span: The span, which becomes the counter's exemplar if it is eligible; saves looking for the current one.
    @inline(never)
    public func increment(by amount: Int = 1, exemplar span: SpanContext?) {
        guard amount >= 0 else { return diagnostics.rejectMeasurement() }
        if let cell = cells.own ?? cells.find() {
            cell[Self.whole].addAsOwner(UInt64(amount))
        } else {
            cells.shared[Self.whole].wrappingAdd(UInt64(amount), ordering: .relaxed)
        }
        if exemplars.isArmed(0) { exemplars.offer(Double(amount), place: 0, span: span) }
    }

    /// The total so far.
    public var value: Double {
        let parts = self.parts
        return Double(parts.whole) + parts.fraction
    }

    var parts: (whole: UInt64, fraction: Double) {
        // The bases first, so that the sums cannot be older than they are.
        let wholeBase = wholeBase.load(ordering: .acquiring)
        let fractionBase = Double(bitPattern: fractionBase.load(ordering: .acquiring))
        var whole: UInt64 = 0
        var fraction = 0.0
        cells.visit { cell in
            whole &+= cell[Self.whole].load(ordering: .relaxed)
            fraction += Double(bitPattern: cell[Self.fraction].load(ordering: .relaxed))
        }
        return (whole &- wholeBase, max(0, fraction - fractionBase))
    }

    /// Starts again at zero, which Prometheus takes for a restart. Only swift-metrics asks for it.
    func reset() {
        wholeBase.store(cells.sum(Self.whole), ordering: .releasing)
        fractionBase.store(cells.doubleSum(Self.fraction).bitPattern, ordering: .releasing)
    }

    @inline(__always)
    private func add(_ amount: UInt64) {
        guard let cell = cells.own else { return addElsewhere(amount) }
        cell[Self.whole].addAsOwner(amount)
        if exemplars.isArmed(0) { exemplars.offerCurrent(Double(amount), place: 0, patience: cell) }
    }

    @inline(never)
    private func addElsewhere(_ amount: UInt64) {
        if let cell = cells.find() {
            cell[Self.whole].addAsOwner(amount)
            if exemplars.isArmed(0) { exemplars.offerCurrent(Double(amount), place: 0, patience: cell) }
        } else {
            cells.shared[Self.whole].wrappingAdd(amount, ordering: .relaxed)
            if exemplars.isArmed(0) { exemplars.offerCurrent(Double(amount), place: 0, visits: cells.shared) }
        }
    }

    @inline(never)
    private func add(fraction: Double) {
        if let cell = cells.own ?? cells.find() {
            cell[Self.fraction].addDoubleAsOwner(fraction)
            if exemplars.isArmed(0) { exemplars.offerCurrent(fraction, place: 0, patience: cell) }
        } else {
            cells.shared[Self.fraction].addDouble(fraction)
            if exemplars.isArmed(0) { exemplars.offerCurrent(fraction, place: 0, visits: cells.shared) }
        }
    }
}
