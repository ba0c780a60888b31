internal import Synchronization

/// A distribution: how many values fell into each bucket, and their sum.
///
/// Observing is lock-free and allocates nothing; keep the instrument instead of looking it up each time. There is no
/// separate counter of observations: the count of an exposition is the sum of its buckets, so they always agree.
public final class HistogramMetric: @unchecked Sendable {
    // Unchecked because of the pointer: it never changes, its atomics are initialised in `init` and destroyed in
    // `deinit`, and they are the only thing that is touched through it.
    private let buckets: UnsafeMutablePointer<Atomic<UInt64>>
    /// The bit pattern of a `Double`.
    private let sum = Atomic<UInt64>(0)
    private let diagnostics: MetricsDiagnostics
    let layout: BucketLayout
    /// `name_bucket{labels,le="`
    let bucketPrefix: [UInt8]
    /// `name_sum{labels} `
    let sumPrefix: [UInt8]
    /// `name_count{labels} `
    let countPrefix: [UInt8]

    init(name: String, labels: SeriesLabels, layout: BucketLayout, diagnostics: MetricsDiagnostics) {
        self.layout = layout
        self.diagnostics = diagnostics
        bucketPrefix = labels.bucketPrefix(name + "_bucket")
        sumPrefix = labels.linePrefix(name + "_sum")
        countPrefix = labels.linePrefix(name + "_count")
        buckets = .allocate(capacity: layout.count + 1)
        for index in 0...layout.count {
            (buckets + index).initialize(to: Atomic(0))
        }
    }

    deinit {
        buckets.deinitialize(count: layout.count + 1)
        buckets.deallocate()
    }

    /// Counts a value, in the histogram's unit. What is not finite is ignored and counted as rejected.
    public func observe(_ value: Double) {
        guard value.isFinite else { return diagnostics.rejectMeasurement() }
        buckets[layout.bucket(of: value)].wrappingAdd(1, ordering: .relaxed)
        sum.addDouble(value)
    }

    /// Counts a duration, in seconds.
    public func observe(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        observe(Double(seconds) + Double(attoseconds) / 1e18)
    }

    /// The distribution so far.
    public var snapshot: HistogramSnapshot {
        let sum = loadSum()
        return HistogramSnapshot(bucketCounts: (0...layout.count).map(loadBucket), sum: sum)
    }

    /// The sum; read before the buckets, it covers no observation that the buckets do not have yet.
    func loadSum() -> Double {
        Double(bitPattern: sum.load(ordering: .acquiring))
    }

    /// How many values fell into one bucket, not counting those below it.
    func loadBucket(_ index: Int) -> UInt64 {
        buckets[index].load(ordering: .relaxed)
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
