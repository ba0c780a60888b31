internal import Logging

/// Says that spans or log records were lost, at most once in an interval, with what was lost since the last time.
///
/// A backend that is down would otherwise fill the log at the pace of the batches.
struct FailureLog {
    static let interval = Duration.seconds(30)

    private let logger: Logger
    private let signal: OTLPSignal
    private let endpoint: String
    private var lastMessage: ContinuousClock.Instant?
    private var lost = 0
    private var failures = 0

    init(logger: Logger, signal: OTLPSignal, endpoint: String) {
        self.logger = logger
        self.signal = signal
        self.endpoint = endpoint
    }

    /// Records a failure and reports it when it is time.
    mutating func record(
        _ failure: ExportFailure,
        lost count: Int,
        now: ContinuousClock.Instant = .now
    ) {
        lost += count
        failures += 1
        if let lastMessage, now - lastMessage < Self.interval { return }
        logger.warning(
            "Telemetry was lost on its way to the backend",
            metadata: [
                "error.type": "\(failure.errorType)",
                "detail": "\(failure.detail)",
                "lost": "\(lost)",
                "item": "\(signal.item)",
                "failures": "\(failures)",
                "endpoint": "\(endpoint)",
            ]
        )
        lastMessage = now
        lost = 0
        failures = 0
    }

    /// Reports what a backend remarked although it took everything.
    mutating func record(warning: String, now: ContinuousClock.Instant = .now) {
        if let lastMessage, now - lastMessage < Self.interval { return }
        logger.warning(
            "The telemetry backend took a batch with a remark",
            metadata: ["detail": "\(warning)", "endpoint": "\(endpoint)"]
        )
        lastMessage = now
    }
}
