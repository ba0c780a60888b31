internal import Synchronization

/// A number that goes up and down.
///
/// All operations are lock-free and allocate nothing; keep the instrument instead of looking it up each time.
public final class GaugeMetric: Sendable {
    /// `name{labels} `: everything of the series' line before the number.
    let linePrefix: [UInt8]
    /// The bit pattern of a `Double`.
    private let bits = Atomic<UInt64>(0)

    init(name: String, labels: SeriesLabels) {
        linePrefix = labels.linePrefix(name)
    }

    /// Replaces the value.
    public func set(_ value: Double) {
        bits.store(value.bitPattern, ordering: .relaxed)
    }

    /// Adds an amount, one by default.
    public func increment(by amount: Double = 1) {
        bits.addDouble(amount)
    }

    /// Subtracts an amount, one by default.
    public func decrement(by amount: Double = 1) {
        bits.addDouble(-amount)
    }

    /// The current value.
    public var value: Double {
        Double(bitPattern: bits.load(ordering: .relaxed))
    }
}

/// One set of facts, as the labels of the constant 1.
final class InfoMetric: Sendable {
    /// `name{labels} `: everything of the series' line before the number.
    let linePrefix: [UInt8]

    init(name: String, labels: SeriesLabels) {
        linePrefix = labels.linePrefix(name)
    }
}
