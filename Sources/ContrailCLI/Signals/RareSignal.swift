/// The signals that only certain faults bring: what the test of the catalogue does not wait for, with the reason.
enum RareSignal {
    /// When a signal is there; `nil` for one that is part of the ordinary work.
    static func when(_ signal: String) -> String? { all[signal] }

    /// By kind and name.
    static let all = [
        "event circuit_breaker.transition": breaker,
        "log NATS refused a subject": "the account's permissions forbid a subject that the service uses",
        "log NATS reported an error": "libnats reports an error that is neither a loss of the connection nor a refusal",
        "log The telemetry backend took a batch with a remark": "the backend answers with a partial success",
        "log a pull request was refused": "the server ends a pull request early, as it does when it stops in order",
        "log a consumer went quiet": "a server forgets requests and goes on with heartbeats",
        "log a journey was not stored": "the database goes away between an acknowledgement and the next statement",
        "log advisories are not heard any more": "the durable consumer of the advisories is deleted while it is in use",
        "log an advisory will be read again": "NATS goes away while an advisory is read",
        "log circuit breaker closed": "a circuit breaker was open and its target has recovered",
        "log circuit breaker lets a few calls through": "a circuit breaker was open for its time",
        "log circuit breaker opened": breaker,
        "log consuming ended": "the durable consumer is deleted while it is in use",
        "log did not stop within the grace period, exiting now": "a part hangs while the process stops",
        "log event could not be settled, it will come again":
            "the connection's buffer is full when NATS goes away before a delivery is settled",
        "log messages to NATS are being dropped": "the connection's buffer fills during an outage of NATS",
        "log metric is wrong": "the code registers a metric twice in different ways",
        "log verdict about a trace not told": "NATS goes away while a trace is kept after all",
        "log verdicts of other services about traces are not heard": "the account's permissions forbid the subject",
        "metric contrail_metrics_problems_total": "the code registers a metric twice in different ways",
        "metric contrail_trace_tail_oldest_timestamp_seconds": "the sampler drops traces, which are held then",
        "metric otel_sdk_exporter_log_exported_total": logs,
        "metric otel_sdk_processor_log_processed_total": logs,
        "metric otel_sdk_processor_log_queue_capacity": logs,
        "metric otel_sdk_processor_log_queue_size": logs,
        "span nak {messaging.destination.name} client: error.type":
            "the connection's buffer is full while NATS is away",
        "span send mail client: link 0": breaker,
        "span {rpc.method} client: link 0": breaker,
        "span outbox wait internal: contrail.clock_skew": skew,
        "span process {messaging.destination.name} consumer: contrail.clock_skew": skew,
        "span redelivery wait internal: contrail.clock_skew": skew,
        "span stream wait internal: contrail.clock_skew": skew,
        "span term {messaging.destination.name} client: error.type":
            "NATS goes away between the storing of the dead letter and the end of the message",
    ]

    private static let logs = "OTEL_LOGS_EXPORTER has the value otlp"
    private static let breaker = "a target fails often or is slow"
    private static let skew = "the clocks of two hosts disagree"
}

extension SignalCatalogue {
    /// The names of the signals that only certain faults bring.
    public static var rareSignals: [String] { RareSignal.all.keys.sorted() }
}
