/// A base unit as Prometheus spells it: a plural word that ends the metric's name.
///
/// Implements Prometheus' naming practice and the units of OpenMetrics 1.0.
public struct MetricUnit: RawRepresentable, Hashable, Sendable {
    /// The word, for instance `seconds`.
    public let rawValue: String

    /// Creates a unit from its word.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// Durations and instants.
    public static let seconds = MetricUnit(rawValue: "seconds")
    /// Sizes.
    public static let bytes = MetricUnit(rawValue: "bytes")
    /// Parts of one.
    public static let ratio = MetricUnit(rawValue: "ratio")
}
