internal import Synchronization

/// A distribution: how many values fell into each bucket, and their sum.
///
/// Observing is lock-free, mostly uncontended, and allocates nothing; keep the instrument instead of looking it up each
/// time. There is no separate counter of observations: the count of an exposition is the sum of its buckets, so they
/// always agree.
public final class HistogramMetric: Sendable {
    private static let sum = StripedCells.firstWord
    private static let buckets = StripedCells.firstWord + 1

    let layout: BucketLayout
    let exemplars: ExemplarStore
    /// `name_bucket{labels,le="`
    let bucketPrefix: [UInt8]
    /// `name_sum{labels} `
    let sumPrefix: [UInt8]
    /// `name_count{labels} `
    let countPrefix: [UInt8]
    private let diagnostics: MetricsDiagnostics
    private let cells: StripedCells
    private let sawNegative = Atomic<Bool>(false)

    init(
        name: String,
        labels: SeriesLabels,
        layout: BucketLayout,
        exemplars: ExemplarPolicy,
        diagnostics: MetricsDiagnostics
    ) {
        self.layout = layout
        self.diagnostics = diagnostics
        self.exemplars = ExemplarStore(places: layout.count + 1, policy: exemplars)
        cells = StripedCells(words: layout.count + 2)
        bucketPrefix = labels.bucketPrefix(name + "_bucket")
        sumPrefix = labels.linePrefix(name + "_sum")
        countPrefix = labels.linePrefix(name + "_count")
    }

    /// Counts a value, in the histogram's unit. What is not finite is ignored and counted as rejected.
    @inline(never)  // As is its sister below: see `ThreadRecord.runsHere`.
    public func observe(_ value: Double) {
        // Positive and finite, in one comparison.
        guard value.bitPattern < Double.infinity.bitPattern else { return observeUnusual(value) }
        record(value)
    }

    /// Counts a duration, in seconds.
    public func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) / 1e18)
    }

    /// Counts a value that belongs to a span which the caller has at hand.
    ///
    /// - Parameters:
    ///   - value: The value, in the histogram's unit; what is not finite is ignored and counted as rejected.
    ///   - span: The span, which becomes the exemplar of the value's bucket if it is eligible; saves looking for the
    ///     current one.
    @inline(never)
    public func observe(_ value: Double, exemplar span: SpanContext?) {
        guard value.isFinite else { return diagnostics.rejectMeasurement() }
        if value < 0 { sawNegative.store(true, ordering: .relaxed) }
        let bucket = layout.bucket(of: value)
        if let cell = cells.own ?? cells.find() {
            count(value, bucket, own: cell)
        } else {
            count(value, bucket, shared: cells.shared)
        }
        if exemplars.isArmed(bucket) { exemplars.offer(value, place: bucket, span: span) }
    }

    /// The distribution so far.
    public var snapshot: HistogramSnapshot {
        let sum = loadSum()
        return HistogramSnapshot(bucketCounts: (0...layout.count).map(loadBucket), sum: sum)
    }

    /// Whether the sum only rises, so that OpenMetrics allows it.
    var isSumMonotonic: Bool {
        !layout.hasNegativeBounds && !sawNegative.load(ordering: .relaxed)
    }

    /// The sum; read before the buckets, it covers no observation that the buckets do not have yet.
    func loadSum() -> Double {
        cells.doubleSum(Self.sum)
    }

    /// How many values fell into one bucket, not counting those below it.
    func loadBucket(_ index: Int) -> UInt64 {
        cells.sum(Self.buckets + index)
    }

    /// Adds what fell into each bucket, not cumulated, to an array with a place for each.
    func addBuckets(to counts: UnsafeMutableBufferPointer<UInt64>) {
        let buckets = layout.count + 1
        cells.visit { cell in
            for index in 0..<buckets {
                counts[index] &+= cell[Self.buckets + index].load(ordering: .relaxed)
            }
        }
    }

    @inline(__always)
    private func record(_ value: Double) {
        guard let cell = cells.own else { return recordElsewhere(value) }
        let bucket = layout.bucket(of: value)
        count(value, bucket, own: cell)
        if exemplars.isArmed(bucket) { exemplars.offerCurrent(value, place: bucket, patience: cell) }
    }

    @inline(never)
    private func recordElsewhere(_ value: Double) {
        let bucket = layout.bucket(of: value)
        if let cell = cells.find() {
            count(value, bucket, own: cell)
            if exemplars.isArmed(bucket) { exemplars.offerCurrent(value, place: bucket, patience: cell) }
        } else {
            count(value, bucket, shared: cells.shared)
            if exemplars.isArmed(bucket) { exemplars.offerCurrent(value, place: bucket, visits: cells.shared) }
        }
    }

    @inline(never)
    private func observeUnusual(_ value: Double) {
        guard value.isFinite else { return diagnostics.rejectMeasurement() }
        if value < 0 { sawNegative.store(true, ordering: .relaxed) }
        record(value)
    }

    // The bucket first: who sees the sum sees the bucket.
    @inline(__always)
    private func count(_ value: Double, _ bucket: Int, own cell: StripedCells.Cell) {
        cell[Self.buckets &+ bucket].addAsOwner(1)
        cell[Self.sum].addDoubleAsOwner(value)
    }

    @inline(__always)
    private func count(_ value: Double, _ bucket: Int, shared cell: StripedCells.Cell) {
        cell[Self.buckets + bucket].wrappingAdd(1, ordering: .relaxed)
        cell[Self.sum].addDouble(value)
    }
}

/// What a histogram has counted at one moment.
public struct HistogramSnapshot: Hashable, Sendable {
    /// The values of each bucket alone, not cumulated; the last is the one without an upper bound.
    public let bucketCounts: [UInt64]
    /// The sum of the values, in the histogram's unit.
    public let sum: Double

    /// How many values were observed.
    public var count: UInt64 { bucketCounts.reduce(0, +) }
}
