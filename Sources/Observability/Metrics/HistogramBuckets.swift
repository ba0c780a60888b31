/// The upper bounds of a histogram's buckets, fixed when the histogram is registered.
///
/// Bounds are inclusive, ascending, finite and unique; the bucket for everything above the last one is implied.
public struct HistogramBuckets: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// The bounds in ascending order, without `+Inf`.
    public let bounds: [Double]

    /// Creates buckets.
    ///
    /// - Parameter bounds: The bounds in any order. What is not finite is left out, duplicates become one.
    public init(_ bounds: [Double]) {
        // Adding zero turns -0.0 into 0.0, which reads better in `le`.
        self.bounds = Set(bounds.filter(\.isFinite).map { $0 + 0 }).sorted()
    }

    /// Creates buckets from a literal, as `init(_:)` does.
    public init(arrayLiteral elements: Double...) {
        self.init(elements)
    }

    /// Seconds of an RPC or HTTP request: the advice of the conventions' `rpc.*.call.duration`.
    public static let rpcSeconds: HistogramBuckets = [
        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
    ]

    /// Seconds of a database operation: the advice of the conventions' `db.client.operation.duration`.
    public static let databaseSeconds: HistogramBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

    /// Seconds between an order and its notification, or of one stage between them; contains the objective's 10 s.
    public static let notificationSeconds: HistogramBuckets = [
        0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600,
    ]

    /// Values of no known unit: the default of the OpenTelemetry metrics SDK.
    public static let general: HistogramBuckets = [
        0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000,
    ]
}
