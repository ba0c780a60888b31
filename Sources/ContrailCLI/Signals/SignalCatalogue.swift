internal import ContrailInstrumentation
internal import Notifications
public import Observability
internal import Orders
internal import ServiceRuntime
internal import Tracing
internal import Users

/// Every metric, span, attribute and log line of the services.
///
/// Metrics and spans are what the services' own parts declare, and attributes what the conventions in use declare. Log
/// lines are listed in ``LogDeclaration/all``, which a test holds against the sources.
public struct SignalCatalogue: Sendable, Encodable {
    /// A metric.
    public struct Metric: Sendable, Encodable {
        /// The name in text 0.0.4 and in queries.
        public let name: String
        /// `counter`, `gauge`, `histogram` or `info`.
        public let type: String
        /// The unit, if it has one.
        public let unit: String?
        /// What is measured.
        public let help: String
        /// The names of the labels, without `le`.
        public let labels: [String]
        /// A histogram's upper bounds without `+Inf`.
        public let buckets: [Double]?
        /// Who has it.
        public let services: [String]
        /// When there are series of it, unless there always are.
        public let seen: String?
    }

    /// A label of metrics.
    public struct Label: Sendable, Encodable {
        /// The label's name.
        public let name: String
        /// The attribute of which it is the Prometheus form; `nil` when it is a word of its own.
        public let attribute: String?
        /// What it says.
        public let meaning: String
        /// All values that there are; absent when they are not a fixed set.
        public let values: [String]?
    }

    /// A span.
    public struct Span: Sendable, Encodable {
        /// The name, with the attribute that varies in braces.
        public let name: String
        /// `internal`, `server`, `client`, `producer` or `consumer`.
        public let kind: String
        /// The module that makes it.
        public let scope: String
        /// What it covers.
        public let meaning: String
        /// Who makes it.
        public let services: [String]
        /// What it has.
        public let attributes: [SpanAttribute]
        /// What it points to.
        public let links: [Link]
        /// When it is seen, unless it is part of the ordinary work.
        public let seen: String?
    }

    /// An attribute of a span.
    public struct SpanAttribute: Sendable, Encodable {
        /// The key.
        public let key: String
        /// When the span has it; absent when it always does.
        public let when: String?
        /// What must happen for that, unless it is part of the ordinary work.
        public let seen: String?
    }

    /// A link of a span.
    public struct Link: Sendable, Encodable {
        /// What it points to, and when there is one.
        public let meaning: String
        /// The keys of its attributes.
        public let attributes: [String]
        /// When it is seen, unless it is part of the ordinary work.
        public let seen: String?
    }

    /// An event of spans.
    public struct Event: Sendable, Encodable {
        /// The name.
        public let name: String
        /// What has happened.
        public let meaning: String
        /// The keys of its attributes.
        public let attributes: [String]
        /// When it is seen, unless it is part of the ordinary work.
        public let seen: String?
    }

    /// An attribute.
    public struct Attribute: Sendable, Encodable {
        /// The key.
        public let key: String
        /// The type of the values.
        public let type: AttributeDeclaration.ValueType
        /// What it says.
        public let meaning: String
        /// All values that there are; absent when they are not a fixed set.
        public let values: [String]?
        /// Whose name it is.
        public let origin: AttributeDeclaration.Origin
        /// The spans that have it, or `resource`.
        public let on: [String]
    }

    /// A key of log lines.
    public struct LogKey: Sendable, Encodable {
        /// The key.
        public let key: String
        /// What it says.
        public let meaning: String
        /// Whether it belongs to every line; otherwise to those that name it.
        public let isOnEveryLine: Bool
    }

    /// The services.
    public let services: [String]
    /// All metrics, by name.
    public let metrics: [Metric]
    /// All labels, by name.
    public let labels: [Label]
    /// All spans, by scope and name.
    public let spans: [Span]
    /// All attributes of spans, links and resources, by key.
    public let attributes: [Attribute]
    /// The events of spans; none of them is a failure, which is told by the status and `error.type`.
    public let events: [Event]
    /// All log lines, by message.
    public let logs: [LogDeclaration]
    /// All keys of log lines.
    public let logKeys: [LogKey]

    /// Puts the services together and asks their parts.
    ///
    /// - Throws: `SignalCatalogueError` for a label, attribute or key that nobody declares.
    public static func make() async throws -> SignalCatalogue {
        // What a setting chooses is there in one of the two.
        let other = ["CONTRAIL_NOTIFICATION_PROVIDER": "smtp", "OTEL_LOGS_EXPORTER": "otlp"]
        return try SignalCatalogue([
            try await ServiceSignals(of: UsersService.self),
            try await ServiceSignals(of: OrdersService.self),
            try await ServiceSignals(of: NotificationsService.self),
            try await ServiceSignals(of: UsersService.self, environment: other),
            try await ServiceSignals(of: OrdersService.self, environment: other),
            try await ServiceSignals(of: NotificationsService.self, environment: other),
        ])
    }

    init(_ signals: [ServiceSignals]) throws {
        services = signals.map(\.name).unique()
        metrics = Self.metrics(signals)
        spans = Self.spans(signals)
        events = SpanEventDeclaration.all.map { event in
            Event(
                name: event.name,
                meaning: event.meaning,
                attributes: event.attributes,
                seen: RareSignal.when("event \(event.name)")
            )
        }
        logs = LogDeclaration.all.sorted { $0.message < $1.message }
        let declared = Dictionary(uniqueKeysWithValues: SemanticConventions.declarations.map { ($0.key, $0) })
        labels = try Set(metrics.flatMap(\.labels)).sorted().map { try Self.label($0, declared.values) }
        attributes = try Self.attributes(spans, events, resource: SemanticConventions.resource.map(\.key), declared)
        logKeys = try Self.logKeys(logs, declared)
    }

    private static func metrics(_ signals: [ServiceSignals]) -> [Metric] {
        let all = Dictionary(grouping: signals.flatMap { service in service.metrics.map { (service.name, $0) } }) {
            $0.1.name
        }
        return all.sorted { $0.key < $1.key }.compactMap { name, found in
            guard let metric = found.first?.1 else { return nil }
            return Metric(
                name: name,
                type: metric.kind.rawValue,
                unit: metric.unit?.rawValue,
                help: metric.help,
                labels: metric.labelNames ?? [],
                buckets: metric.kind == .histogram ? metric.bucketBounds : nil,
                services: found.map(\.0).unique(),
                seen: RareSignal.when("metric \(name)")
            )
        }
    }

    private static func spans(_ signals: [ServiceSignals]) -> [Span] {
        let all = Dictionary(grouping: signals.flatMap { service in service.spans.map { (service.name, $0) } }) {
            "\($0.1.scope) \($0.1.pattern) \($0.1.kind)"
        }
        return all.sorted { $0.key < $1.key }.compactMap { _, found in
            guard let span = found.first?.1 else { return nil }
            let name = "span \(span.pattern) \(span.kind)"
            return Span(
                name: span.pattern,
                kind: "\(span.kind)",
                scope: span.scope,
                meaning: span.meaning,
                services: found.map(\.0).unique(),
                attributes: span.attributes.map { SpanAttribute(key: $0, when: nil, seen: nil) }
                    + span.sometimes.map { key, when in
                        SpanAttribute(key: key, when: when, seen: RareSignal.when("\(name): \(key)"))
                    },
                links: span.links.enumerated().map { number, link in
                    Link(
                        meaning: link.meaning,
                        attributes: link.attributes,
                        seen: RareSignal.when("\(name): link \(number)")
                    )
                },
                seen: RareSignal.when(name)
            )
        }
    }

    private static func label(
        _ name: String,
        _ attributes: some Sequence<AttributeDeclaration>
    ) throws -> Label {
        if let attribute = attributes.first(where: { $0.key.replacing(".", with: "_") == name }) {
            return Label(
                name: name,
                attribute: attribute.key,
                meaning: attribute.meaning,
                values: attribute.values.isEmpty ? nil : attribute.values
            )
        }
        guard let meaning = ownLabels[name] else { throw SignalCatalogueError(what: "label", name: name) }
        return Label(name: name, attribute: nil, meaning: meaning, values: ownLabelValues[name])
    }

    /// All values of our own labels, where they are a fixed set.
    private static let ownLabelValues = [
        "cause": Stage.allCases.map(\.rawValue),
        "place": ["outbox", "ORDERS", "USERS"],
        "stage": Stage.allCases.map(\.rawValue),
        "kind": ["max_deliveries", "terminated"],
        "state": [
            "requested", "pending", "delivered", "dead_lettered", "connecting", "connected", "reconnecting", "closed",
            "open", "half_open", "forced_open", "disabled",
        ],
    ]

    private static let ownLabels = [
<<<<<<< HEAD
        "cause": "The longest stage of a late notification.",
        "consumer": "The durable JetStream consumer.",
        "event_type": "The kind of event: `order.created`.",
        "kind": "What JetStream said about a message.",
        "notification_channel": "How the customer is told: `log` or `smtp`.",
        "outcome":
            "What became of spans that were held, `promoted` or `evicted`; or of callers' wish to be sampled, `forced` or `refused`.",
        "place": "Where events wait: the outbox of a service, or a stream.",
=======
>>>>>>> 41218b61431b2be0425f0e02b37c95ba7b440299
        "attempt": "The number of the attempt, 1 for the first.",
        "cause": "The stage of the journey that took longest.",
        "consumer": "The JetStream consumer.",
        "event_type": "The kind of event.",
        "from": "The state before.",
        "name": "The target of the calls: `users`, `smtp`.",
        "notification_channel": "How the customer is told: `log` or `smtp`.",
        "outcome":
            "What became of it: of an attempt at a call, of spans that were held, of callers' wish to be sampled.",
        "place": "Where events wait: `outbox`, or the stream.",
        "problem": "The kind of mistake, by the code of `MetricsProblem`.",
<<<<<<< HEAD
        "reason": "Why: a trace is kept, a late notification had to be tried again, or an event was given up.",
        "stage": "A part of a notification's journey.",
        "state": "What has become of notifications; where a connection is in its life; or how a circuit breaker is.",
=======
        "reason": "Why: a trace is kept, a notification waited for redelivery or was given up.",
        "stage": "The stage of a notification's journey; of a deadline, where the call was: `attempt`, `handler`.",
        "state": "What is counted in which state; of a circuit breaker, the state that it may be in.",
>>>>>>> 41218b61431b2be0425f0e02b37c95ba7b440299
        "stream": "The JetStream stream.",
        "swift": "The version of the Swift compiler.",
        "to": "The state after.",
        "version": "The service's version.",
    ]

    private static func attributes(
        _ spans: [Span],
        _ events: [Event],
        resource: [String],
        _ declared: [String: AttributeDeclaration]
    ) throws -> [Attribute] {
        var on: [String: [String]] = [:]
        for key in resource { on[key] = ["resource"] }
        for span in spans {
            for key in span.attributes.map(\.key) { on[key, default: []].append(span.name) }
            for key in span.links.flatMap(\.attributes) { on[key, default: []].append("links of \(span.name)") }
        }
        for event in events {
            for key in event.attributes { on[key, default: []].append("event \(event.name)") }
        }
        return try on.sorted { $0.key < $1.key }.map { key, on in
            guard let attribute = declared[key] else { throw SignalCatalogueError(what: "attribute", name: key) }
            return Attribute(
                key: key,
                type: attribute.type,
                meaning: attribute.meaning,
                values: attribute.values.isEmpty ? nil : attribute.values,
                origin: attribute.origin,
                on: on.unique()
            )
        }
    }

    private static func logKeys(
        _ logs: [LogDeclaration],
        _ declared: [String: AttributeDeclaration]
    ) throws -> [LogKey] {
        let line = LogDeclaration.lineKeys.map { LogKey(key: $0.key, meaning: $0.meaning, isOnEveryLine: true) }
        return try line
            + Set(logs.flatMap(\.keys)).sorted().map { key in
                guard let meaning = declared[key]?.meaning ?? LogDeclaration.metadataKeys[key] else {
                    throw SignalCatalogueError(what: "log key", name: key)
                }
                return LogKey(key: key, meaning: meaning, isOnEveryLine: false)
            }
    }
}

/// A part of the catalogue has no declaration.
public struct SignalCatalogueError: Error, Sendable, CustomStringConvertible {
    let what: String
    let name: String

    /// What has none, and what to do.
    public var description: String { "the \(what) “\(name)” is declared nowhere; say what it means" }
}

extension Array where Element: Hashable {
    /// The elements without repetitions, in their order.
    fileprivate func unique() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
