/// Collects log records in a bounded queue and exports them in batches from a thread of its own.
///
/// A full queue drops new records and counts them; logging never waits. Implements the OpenTelemetry logs SDK, "Batching
/// processor".
public final class BatchLogRecordProcessor: LogRecordProcessor {
    /// How much is kept and how often it is sent.
    public struct Configuration: Sendable, Hashable {
        /// Records that may wait; more are dropped.
        public var maximumQueueSize = 2048
        /// The longest that a record waits for company; zero exports at once.
        public var scheduledDelay = Duration.seconds(1)
        /// The most records of one export; never more than the queue holds.
        public var maximumBatchSize = 512
        /// How long one export may take, retries included.
        public var exportTimeout = Duration.seconds(30)

        /// Creates the specification's defaults.
        public init() {}
    }

    /// What became of the records so far; each is counted once.
    public struct Statistics: Sendable, Hashable {
        /// Records that arrived: the sum of all others.
        public var received = 0
        /// Records that were dropped because the queue was full.
        public var droppedQueueFull = 0
        /// Records that arrived after the shutdown.
        public var droppedAfterShutdown = 0
        /// Records that the backend took.
        public var exported = 0
        /// Records that the exporter lost, by `error.type`.
        public var failed: [String: Int] = [:]
        /// Records that wait.
        public var queued = 0
        /// Records of the batch that is being exported.
        public var inFlight = 0
    }

    /// The most records that may wait.
    public let queueCapacity: Int
    private let limits: LogRecordLimits
    private let queue: BatchQueue<LogRecord>
    private let exporter: any LogRecordExporter

    /// Creates a processor and starts its thread.
    ///
    /// - Parameters:
    ///   - exporter: Sends the batches.
    ///   - resource: The process that makes the records.
    ///   - configuration: How much is kept and how often it is sent.
    ///   - limits: How much a record may hold.
    public init(
        exporter: any LogRecordExporter,
        resource: Resource,
        configuration: Configuration = Configuration(),
        limits: LogRecordLimits = LogRecordLimits()
    ) {
        queueCapacity = max(1, configuration.maximumQueueSize)
        self.limits = limits
        self.exporter = exporter
        queue = BatchQueue(threadName: "log-exporter", configuration: configuration) { batch, deadline in
            exporter.export(batch, resource: resource, deadline: deadline)
        }
    }

    /// What became of the records so far.
    public var statistics: Statistics { queue.statistics }

    /// Takes a record, or drops and counts it when the queue is full.
    public func onEmit(_ record: LogRecord) {
        queue.append(limits.applied(to: record))
    }

    /// Exports what has arrived. Cancellation does not end the wait, only the time-out does.
    public func forceFlush(timeout: Duration) async -> Bool {
        await queue.flush(timeout: timeout)
    }

    /// Exports what has arrived, then refuses records. The exporter's running call is ended at the deadline.
    public func shutdown(timeout: Duration) async -> Bool {
        let deadline = ContinuousClock.now + timeout
        if queue.close() { exporter.shutdown(deadline: deadline) }
        return await queue.flush(timeout: timeout)
    }
}
