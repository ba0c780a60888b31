/// What a registered metric is, whether or not it has series yet.
///
/// For whoever documents or checks metrics, such as a catalogue of signals. ``MetricsRegistry/descriptions`` lists them.
public struct MetricDescription: Hashable, Sendable {
    /// The type of a metric, by the word that OpenMetrics has for it.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// A number that only grows.
        case counter
        /// A number that goes up and down.
        case gauge
        /// A distribution over buckets.
        case histogram
        /// Facts in labels, with the constant value 1; text 0.0.4 calls it a gauge.
        case info
    }

    /// The name in text 0.0.4 and in queries: a counter's ends in `_total`, an info's in `_info`; a histogram's samples
    /// append `_bucket`, `_sum` and `_count`.
    public let name: String
    /// The name of the OpenMetrics family: without `_total` and `_info`.
    public let familyName: String
    /// The type.
    public let kind: Kind
    /// The unit, when one was given; its word ends the family's name.
    public let unit: MetricUnit?
    /// What is measured, in one sentence.
    public let help: String
    /// The names of the labels, in their order, without `le`; `nil` when each series brings its own, as those of
    /// swift-metrics do.
    public let labelNames: [String]?
    /// A histogram's upper bounds without `+Inf`; empty for the other types.
    public let bucketBounds: [Double]

    init(_ descriptor: MetricDescriptor) {
        name = descriptor.name
        familyName = descriptor.familyName
        unit = descriptor.unit
        help = descriptor.help
        labelNames = descriptor.labelNames
        switch descriptor.kind {
        case .counter: (kind, bucketBounds) = (.counter, [])
        case .gauge: (kind, bucketBounds) = (.gauge, [])
        case .info: (kind, bucketBounds) = (.info, [])
        case .histogram(let buckets): (kind, bucketBounds) = (.histogram, buckets.bounds)
        }
    }
}

extension MetricsRegistry {
    /// What is registered, in ascending order of the names, families without series among it.
    public var descriptions: [MetricDescription] {
        families.map { MetricDescription($0.descriptor) }
    }
}
