/// Which measurements may become exemplars.
///
/// Implements the OpenTelemetry metrics SDK, "ExemplarFilter".
public struct ExemplarFilter: RawRepresentable, Hashable, Sendable {
    private enum Value: String, Sendable {
        case alwaysOn = "always_on"
        case alwaysOff = "always_off"
        case traceBased = "trace_based"
    }

    private let value: Value

    private init(_ value: Value) {
        self.value = value
    }

    /// Creates a filter from the value of `OTEL_METRICS_EXEMPLAR_FILTER`, in lower case; `nil` for any other text.
    public init?(rawValue: String) {
        guard let value = Value(rawValue: rawValue) else { return nil }
        self.init(value)
    }

    /// The value of `OTEL_METRICS_EXEMPLAR_FILTER`.
    public var rawValue: String { value.rawValue }

    /// All measurements, even those without a span.
    public static let alwaysOn = ExemplarFilter(.alwaysOn)
    /// None.
    public static let alwaysOff = ExemplarFilter(.alwaysOff)
    /// Those that are made in a sampled span: the default of the specification.
    public static let traceBased = ExemplarFilter(.traceBased)
}
