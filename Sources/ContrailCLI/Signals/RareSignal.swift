/// The signals that only certain faults bring: what the test of the catalogue does not wait for, with the reason.
enum RareSignal {
    /// When a signal is there; `nil` for one that is part of the ordinary work.
    static func when(_ signal: String) -> String? { all[signal] }

    /// By kind and name.
    static let all = [
        "log NATS refused a subject": "the account's permissions forbid a subject that the service uses",
        "log NATS reported an error": "libnats reports an error that is neither a loss of the connection nor a refusal",
        "log The telemetry backend took a batch with a remark": "the backend answers with a partial success",
        "log a pull request was refused": "the server ends a pull request early, as it does when it stops in order",
        "log a consumer went quiet": "a server forgets requests and goes on with heartbeats",
        "log a journey was not stored": "the database goes away between an acknowledgement and the next statement",
        "log advisories are not heard any more": "the durable consumer of the advisories is deleted while it is in use",
        "log an advisory will be read again": "NATS goes away while an advisory is read",
        "log consuming ended": "the durable consumer is deleted while it is in use",
        "log did not stop within the grace period, exiting now": "a part hangs while the process stops",
        "log event could not be settled, it will come again":
            "the connection's buffer is full when NATS goes away before a delivery is settled",
        "log messages to NATS are being dropped": "the connection's buffer fills during an outage of NATS",
        "log metric is wrong": "the code registers a metric twice in different ways",
        "log verdict about a trace not told": "NATS goes away while a trace is kept after all",
        "log verdicts of other services about traces are not heard": "the account's permissions forbid the subject",
        "metric contrail_metrics_problems_total": "the code registers a metric twice in different ways",
        "span nak {messaging.destination.name} client: error.type":
            "the connection's buffer is full while NATS is away",
        "span stream wait internal: contrail.clock_skew": "the broker's clock is ahead of the service's",
        "span term {messaging.destination.name} client: error.type":
            "NATS goes away between the storing of the dead letter and the end of the message",
    ]
}

extension SignalCatalogue {
    /// The names of the signals that only certain faults bring.
    public static var rareSignals: [String] { RareSignal.all.keys.sorted() }
}
