/// Sends batches of log records somewhere.
///
/// Implements the OpenTelemetry logs SDK, "LogRecordExporter". The batch processor calls it from a thread of its own, one
/// batch at a time, so it may block there; nothing else may. What it logs itself must never reach it again: its logger has
/// no processor.
public protocol LogRecordExporter: Sendable {
    /// Sends a batch and waits for the outcome, retries included.
    ///
    /// - Parameters:
    ///   - batch: The records, never empty.
    ///   - resource: The process that made them.
    ///   - deadline: When to give up at the latest.
    /// - Returns: What became of the records.
    func export(_ batch: [LogRecord], resource: Resource, deadline: ContinuousClock.Instant) -> LogExportResult

    /// Bounds the running ``export(_:resource:deadline:)`` and all later ones by a deadline; after it they fail at once.
    /// It returns at once.
    ///
    /// - Parameter deadline: Until when records may still be sent.
    func shutdown(deadline: ContinuousClock.Instant)
}

/// What became of a batch of log records.
public struct LogExportResult: Sendable, Hashable {
    /// Records that the backend took.
    public var exported: Int
    /// Why the others were lost, as an `error.type` of low cardinality.
    public var errorType: String?

    /// Creates a result.
    public init(exported: Int, errorType: String? = nil) {
        self.exported = exported
        self.errorType = errorType
    }
}

/// Receives log records. Called on the thread that logs: it must be quick and never throw or block.
///
/// Implements the OpenTelemetry logs SDK, "LogRecordProcessor".
public protocol LogRecordProcessor: Sendable {
    /// Takes a record.
    func onEmit(_ record: LogRecord)

    /// Exports what has arrived.
    ///
    /// - Parameter timeout: How long it may take.
    /// - Returns: Whether everything was handed over in time.
    func forceFlush(timeout: Duration) async -> Bool

    /// Exports what has arrived, then refuses records.
    ///
    /// - Parameter timeout: How long it may take, whatever the backend does.
    /// - Returns: Whether everything was handed over in time.
    func shutdown(timeout: Duration) async -> Bool
}
