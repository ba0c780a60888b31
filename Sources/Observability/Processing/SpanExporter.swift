/// Sends batches of spans somewhere.
///
/// Implements the OpenTelemetry trace SDK, "SpanExporter". The batch processor calls it from a thread of its own, one
/// batch at a time, so it may block there; nothing else may.
public protocol SpanExporter: Sendable {
    /// Where the spans go, for the SDK's own metrics; `nil`, unless an exporter says so, when there is no such place.
    var server: ExportServer? { get }

    /// Sends a batch and waits for the outcome, retries included.
    ///
    /// - Parameters:
    ///   - batch: The spans, never empty.
    ///   - resource: The process that made them.
    ///   - deadline: When to give up at the latest.
    /// - Returns: What became of the spans.
    func export(_ batch: [FinishedSpan], resource: Resource, deadline: ContinuousClock.Instant) -> SpanExportResult

    /// Bounds the running ``export(_:resource:deadline:)`` and all later ones by a deadline; after it they fail at once.
    /// It returns at once.
    ///
    /// - Parameter deadline: Until when spans may still be sent.
    func shutdown(deadline: ContinuousClock.Instant)
}

extension SpanExporter {
    /// No place that a network leads to.
    public var server: ExportServer? { nil }
}

/// The place that telemetry is sent to: `server.address` and `server.port`.
public struct ExportServer: Sendable, Hashable {
    /// The host.
    public var address: String
    /// The port; may be empty.
    public var port: String

    /// Creates a place.
    public init(address: String, port: String) {
        self.address = address
        self.port = port
    }
}

/// What became of a batch.
public struct SpanExportResult: Sendable, Hashable {
    /// Spans that the backend took.
    public var exported: Int
    /// Spans that were lost.
    public var failed: Int
    /// Why they were lost, as an `error.type` of low cardinality.
    public var errorType: String?

    /// Creates a result.
    public init(exported: Int, failed: Int = 0, errorType: String? = nil) {
        self.exported = exported
        self.failed = failed
        self.errorType = errorType
    }
}
