internal import Logging

/// Says that spans were lost, at most once in an interval, with what was lost since the last time.
///
/// A backend that is down would otherwise fill the log at the pace of the batches.
struct FailureLog {
    static let interval = Duration.seconds(30)

    private let logger: Logger
    private let endpoint: String
    private var lastMessage: ContinuousClock.Instant?
    private var lostSpans = 0
    private var failures = 0

    init(logger: Logger, endpoint: String) {
        self.logger = logger
        self.endpoint = endpoint
    }

    /// Records a failure and reports it when it is time.
    mutating func record(
        _ failure: ExportFailure,
        spans: Int,
        now: ContinuousClock.Instant = .now
    ) {
        lostSpans += spans
        failures += 1
        if let lastMessage, now - lastMessage < Self.interval { return }
        logger.warning(
            "Spans were lost on their way to the trace backend",
            metadata: [
                "error.type": "\(failure.errorType)",
                "detail": "\(failure.detail)",
                "spans": "\(lostSpans)",
                "failures": "\(failures)",
                "endpoint": "\(endpoint)",
            ]
        )
        lastMessage = now
        lostSpans = 0
        failures = 0
    }

    /// Reports what a backend remarked although it took the spans.
    mutating func record(warning: String, now: ContinuousClock.Instant = .now) {
        if let lastMessage, now - lastMessage < Self.interval { return }
        logger.warning(
            "The trace backend took the spans with a remark",
            metadata: ["detail": "\(warning)", "endpoint": "\(endpoint)"]
        )
        lastMessage = now
    }
}
