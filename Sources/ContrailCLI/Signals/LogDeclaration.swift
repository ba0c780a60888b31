internal import Logging

/// A log line of the services: its level, its message and its metadata.
///
/// The message is written where it is logged. This list says what it means, and a test holds it against the sources and
/// against the lines of services that run.
public struct LogDeclaration: Sendable, Encodable {
    /// The level.
    public let level: String
    /// The message, which never varies.
    public let message: String
    /// The keys of its metadata.
    public let keys: [String]
    /// Who logs it.
    public let services: [String]
    /// What it tells the reader.
    public let meaning: String
    /// When it is seen, unless it is part of the ordinary work.
    public let seen: String?

    private init(
        _ level: Logger.Level,
        _ message: String,
        _ keys: [String],
        by services: [String] = ["users", "orders", "notifications"],
        _ meaning: String
    ) {
        self.level = level.rawValue
        self.message = message
        self.keys = keys.sorted()
        self.services = services
        self.meaning = meaning
        seen = RareSignal.when("log \(message)")
    }

    private static let publishers = ["users", "orders"]
    private static let consumers = ["notifications"]
    private static let callers = ["orders", "notifications"]
    private static let delivery = ["event.id", "event.type", "attempt", "error.type", "error"]

    /// All log lines.
    static let all: [LogDeclaration] = lifecycle + servers + messaging + telemetry

    private static let lifecycle = [
        LogDeclaration(.info, "starting", ["version", "pid"], "The settings are right and the process begins."),
        LogDeclaration(
            .warning,
            "setting is ignored",
            ["problem"],
            "A standard variable has a value that cannot be used."
        ),
        LogDeclaration(.info, "admin endpoint listens", ["address"], "`/metrics`, `/livez` and `/readyz` are served."),
        LogDeclaration(
            .notice,
            "waiting for what the service needs",
            ["step", "reason", "failures"],
            "A preparation failed and will be tried again."
        ),
        LogDeclaration(
            .critical,
            "preparation is impossible",
            ["step"],
            "A preparation can never succeed; the process ends."
        ),
        LogDeclaration(.debug, "prepared", ["step"], "A preparation is done."),
        LogDeclaration(
            .info,
            "Applied migration",
            ["migration.version", "migration.name", "duration"],
            "The database's schema was brought one step further."
        ),
        LogDeclaration(.info, "ready", [], "All preparations are done."),
        LogDeclaration(.info, "gRPC listens", ["address"], "Calls are served."),
        LogDeclaration(
            .warning,
            "dependency is away",
            ["dependency", "reason"],
            "Readiness ended for this dependency."
        ),
        LogDeclaration(.notice, "dependency is back", ["dependency"], "Readiness came back for this dependency."),
        LogDeclaration(
            .error,
            "call failed",
            ["rpc.method", "error"],
            "A handler failed in a way that nobody planned."
        ),
        LogDeclaration(.info, "stopping", ["grace"], "The process was told to stop."),
        LogDeclaration(
            .critical,
            "did not stop within the grace period, exiting now",
            ["grace"],
            "Something hung while the process stopped."
        ),
        LogDeclaration(.critical, "stopped by an error", ["error"], "A part failed for good; the process ends."),
        LogDeclaration(.info, "stopped", ["exit"], "The last line of the process."),
    ]

    private static let servers = [
        LogDeclaration(.debug, "PostgreSQL connection opened", ["postgres.connection.id"], "The pool has one more."),
        LogDeclaration(
            .debug,
            "PostgreSQL connection lost",
            ["postgres.connection.id", "error"],
            "The server or the network ended a connection."
        ),
        LogDeclaration(
            .warning,
            "PostgreSQL is unavailable; retrying in the background",
            ["server.address", "server.port", "db.namespace", "error", "retry.in"],
            "No connection can be opened."
        ),
        LogDeclaration(
            .info,
            "PostgreSQL is available",
            ["server.address", "server.port", "db.namespace"],
            "The first connection, or the first after an outage."
        ),
        LogDeclaration(
            .warning,
            "waiting for NATS",
            ["nats.servers", "nats.error"],
            "The first connection cannot be opened; at most every 30 seconds."
        ),
        LogDeclaration(
            .notice,
            "connected to NATS",
            ["nats.servers"],
            "The first connection, or the first after an outage."
        ),
        LogDeclaration(
            .warning,
            "lost the connection to NATS, reconnecting",
            ["nats.servers"],
            "The server or the network ended the connection."
        ),
        LogDeclaration(
            .warning,
            "NATS refused a subject",
            ["nats.error"],
            "The account's permissions do not allow a subject."
        ),
        LogDeclaration(.warning, "NATS reported an error", ["nats.error"], "Another error of the connection."),
        LogDeclaration(
            .warning,
            "messages to NATS are being dropped",
            ["nats.error"],
            "The connection's buffer is full; publishers are told."
        ),
        LogDeclaration(
            .warning,
            "circuit breaker opened",
            ["breaker", "from", "reason", "failure.rate", "slow.rate", "delay"],
            by: callers,
            "Calls to a target are refused for the delay, because too many failed or were slow."
        ),
        LogDeclaration(
            .info,
            "circuit breaker lets a few calls through",
            ["breaker", "from", "reason"],
            by: callers,
            "They decide whether the circuit breaker closes."
        ),
        LogDeclaration(
            .info,
            "circuit breaker closed",
            ["breaker", "from", "reason"],
            by: callers,
            "All calls to a target are made again."
        ),
        LogDeclaration(
            .debug,
            "a pull request was refused",
            ["nats.consumer", "nats.status"],
            by: consumers,
            "The server ended a request for messages; the next one follows."
        ),
        LogDeclaration(
            .warning,
            "a consumer went quiet",
            ["nats.stall"],
            by: consumers,
            "Messages were pending and none came, so the subscription was recreated: servers can forget who waits."
        ),
    ]

    private static let messaging = [
        LogDeclaration(.info, "outbox relay is active", [], by: publishers, "This process publishes for the database."),
        LogDeclaration(
            .warning,
            "outbox relay waits for the database",
            ["reason"],
            by: publishers,
            "Nothing is published until the database is back."
        ),
        LogDeclaration(
            .warning,
            "event was not published, will be tried again",
            ["event.id", "event.type", "attempts", "delay", "reason"],
            by: publishers,
            "JetStream did not take an event; it stays in the outbox."
        ),
        LogDeclaration(.error, "consuming ended", ["stream", "error"], by: consumers, "No events are taken any more."),
        LogDeclaration(
            .error,
            "advisories are not heard any more",
            ["stream", "error"],
            by: consumers,
            "Advisories are kept in their stream until the service starts again."
        ),
        LogDeclaration(
            .debug,
            "an advisory will be read again",
            ["stream", "reason"],
            by: consumers,
            "NATS did not answer when an advisory's message was looked for."
        ),
        LogDeclaration(
            .warning,
            "event will be delivered again",
            delivery + ["delay"],
            by: consumers,
            "A delivery failed; the event comes again after the delay."
        ),
        LogDeclaration(
            .error,
            "event moved to the dead letters",
            delivery,
            by: consumers,
            "An event can never be handled, or has failed too often."
        ),
        LogDeclaration(
            .warning,
            "event could not be settled, it will come again",
            delivery + ["reason"],
            by: consumers,
            "NATS was not told what became of a delivery."
        ),
        LogDeclaration(
            .info,
            "notification delivered",
            ["notification.id", "user.id", "subject"],
            by: consumers,
            "The provider `log` tells a customer by this line."
        ),
        LogDeclaration(
            .info,
            "dead letter redriven",
            ["event.id", "sequence"],
            by: consumers,
            "Somebody has sent an event that had been given up on its way again."
        ),
        LogDeclaration(
            .debug,
            "earlier attempts cannot be read",
            ["event.id", "reason"],
            by: consumers,
            "The journey of an event lacks what other processes know of it."
        ),
        LogDeclaration(
            .debug,
            "an attempt cannot be kept",
            ["event.id", "reason"],
            by: consumers,
            "Only this process knows of a failed attempt."
        ),
        LogDeclaration(
            .debug,
            "a journey was not stored",
            ["notification.id", "reason"],
            by: consumers,
            "A notification's row does not say where the time went; its span does."
        ),
        LogDeclaration(
            .debug,
            "a stream cannot be watched",
            ["stream", "reason"],
            by: consumers,
            "The gauges of what waits in a stream are absent until it answers."
        ),
        LogDeclaration(
            .debug,
            "notifications cannot be counted",
            ["reason"],
            by: consumers,
            "The books show the last counts of the database until it answers."
        ),
        LogDeclaration(
            .debug,
            "inbox cleaned",
            ["forgotten", "attempts"],
            by: consumers,
            "Events of long ago, and what became of their attempts, were forgotten."
        ),
        LogDeclaration(.debug, "inbox was not cleaned", ["reason"], by: consumers, "The next try is in an hour."),
    ]

    private static let telemetry = [
        LogDeclaration(
            .debug,
            "verdict about a trace not told",
            ["error"],
            "Other services may not keep their part of a trace that is kept here."
        ),
        LogDeclaration(
            .warning,
            "verdicts of other services about traces are not heard",
            ["subject", "error"],
            "Traces that other services keep lack their part from here."
        ),
        LogDeclaration(
            .warning,
            "metric is wrong",
            ["problem"],
            "A mistake in the use of metrics, once for each metric."
        ),
        LogDeclaration(
            .warning,
            "Telemetry was lost on its way to the backend",
            ["error.type", "detail", "lost", "item", "failures", "endpoint"],
            "Exports failed; said from time to time, with the sum since the last line."
        ),
        LogDeclaration(
            .warning,
            "The telemetry backend took a batch with a remark",
            ["detail", "endpoint"],
            "The backend answered with a partial success's message."
        ),
        LogDeclaration(
            .warning,
            "spans were lost at the end: the trace backend did not take them in time",
            [],
            "The process stopped before everything was exported."
        ),
    ]

    /// The keys of the line itself.
    static let lineKeys: [(key: String, meaning: String)] = [
        ("timestamp", "RFC 3339 in UTC, with the fraction of the second."),
        ("severity_text", "The level of swift-log."),
        ("severity_number", "OpenTelemetry's number for the level."),
        ("message", "The message, which never varies."),
        ("logger", "The logger's name."),
        ("service_name", "The service, as in `service.name`."),
        ("trace_id", "The trace, 32 hex digits; on lines inside of one."),
        ("span_id", "The span, 16 hex digits; on lines inside of a trace."),
        ("trace_flags", "W3C's flags, 2 hex digits; on lines inside of a trace."),
    ]

    /// What the keys of the metadata mean that are no attributes.
    static let metadataKeys = [
        "address": "Where it listens, `host:port`.",
        "attempt": "Which delivery it was, 1 for the first.",
        "attempts": "How often it was tried; or how many attempts were forgotten.",
        "breaker": "The circuit breaker: the target that it is for.",
        "delay": "How long until the next try.",
        "dependency": "`postgresql` or `nats`.",
        "detail": "What went wrong, or what the backend said.",
        "duration": "How long it took.",
        "endpoint": "The trace backend's URL without user and password.",
        "error": "What went wrong, without personal data.",
        "event.id": "The event's identity.",
        "event.type": "The kind of event.",
        "exit": "The process's exit code.",
        "failure.rate": "The share of calls that failed.",
        "failures": "How often it failed.",
        "forgotten": "How many were forgotten.",
        "item": "What was lost: spans or log records.",
        "lost": "How many were lost.",
        "from": "The state before.",
        "grace": "How long the process may take to stop.",
        "migration.name": "The name of the step.",
        "migration.version": "The number of the step.",
        "nats.consumer": "The consumer and its stream.",
        "nats.error": "libnats' or the server's words.",
        "nats.servers": "The servers, without user and password.",
        "nats.stall": "The consumer, how many messages were pending, and for how long none had come.",
        "nats.status": "The server's status for the request.",
        "notification.id": "The notification, which is the event's identity.",
        "pid": "The process's number.",
        "postgres.connection.id": "Which connection of the pool.",
        "problem": "What is wrong and what is used instead.",
        "reason": "What went wrong.",
        "retry.in": "How long until the next try.",
        "sequence": "The position in a stream.",
        "slow.rate": "The share of calls that were slow.",
        "step": "The preparation.",
        "stream": "The JetStream stream.",
        "subject": "The subject line of a notification, or a NATS subject.",
        "user.id": "The customer, a UUID.",
        "version": "The service's version.",
    ]
}
