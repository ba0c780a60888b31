/// One span of a trace, as a reader of traces sees it: ids as text, attributes by key, its resource folded in.
public struct TraceSpan: Sendable, Hashable, Encodable {
    /// The role of a span (OTLP `SpanKind`).
    public enum Kind: String, Sendable, Hashable, Encodable, CaseIterable {
        /// The sender did not say.
        case unspecified
        /// Work inside one service.
        case `internal`
        /// The serving side of a call.
        case server
        /// The calling side of a call.
        case client
        /// The sending of a message.
        case producer
        /// The processing of a message.
        case consumer

        init(number: Int) {
            let kinds: [Kind] = [.unspecified, .internal, .server, .client, .producer, .consumer]
            self = kinds.indices.contains(number) ? kinds[number] : .unspecified
        }
    }

    /// Whether the work of a span succeeded (OTLP `Status`).
    public struct Status: Sendable, Hashable, Encodable {
        /// The result.
        public enum Code: String, Sendable, Hashable, Encodable {
            /// Nobody said; a success by convention.
            case unset
            /// Said to be a success.
            case ok
            /// A failure.
            case error

            init(number: Int) {
                self = number == 1 ? .ok : number == 2 ? .error : .unset
            }
        }

        /// The result.
        public var code: Code
        /// What went wrong; empty unless the code is `error`.
        public var message: String

        /// Creates a status.
        public init(_ code: Code = .unset, message: String = "") {
            self.code = code
            self.message = message
        }
    }

    /// Something that happened at one moment of a span.
    public struct Event: Sendable, Hashable, Encodable {
        /// The name, for example `exception`.
        public var name: String
        /// The time in nanoseconds since 1970 UTC.
        public var timeNanoseconds: UInt64
        /// The attributes by key.
        public var attributes: [String: AttributeValue]

        /// Creates an event.
        public init(name: String, timeNanoseconds: UInt64, attributes: [String: AttributeValue] = [:]) {
            self.name = name
            self.timeNanoseconds = timeNanoseconds
            self.attributes = attributes
        }
    }

    /// A pointer to a span of this or another trace, for example from an attempt to the attempt before it.
    public struct Link: Sendable, Hashable, Encodable {
        /// The trace that is pointed to: 32 lower-case hexadecimal digits.
        public var traceID: String
        /// The span that is pointed to: 16 lower-case hexadecimal digits.
        public var spanID: String
        /// The attributes by key.
        public var attributes: [String: AttributeValue]

        /// Creates a link.
        public init(traceID: String, spanID: String, attributes: [String: AttributeValue] = [:]) {
            self.traceID = traceID
            self.spanID = spanID
            self.attributes = attributes
        }
    }

    /// The trace: 32 lower-case hexadecimal digits.
    public var traceID: String
    /// The span: 16 lower-case hexadecimal digits.
    public var spanID: String
    /// The span that caused this one, or `nil` for a root.
    public var parentSpanID: String?
    /// The name, of low cardinality.
    public var name: String
    /// The role.
    public var kind: Kind
    /// The resource's `service.name`, or `unknown_service`.
    public var service: String
    /// The name of the instrumentation scope.
    public var scope: String
    /// The start in nanoseconds since 1970 UTC.
    public var startNanoseconds: UInt64
    /// The end in nanoseconds since 1970 UTC; before the start only when a clock was set.
    public var endNanoseconds: UInt64
    /// The attributes by key.
    public var attributes: [String: AttributeValue]
    /// The attributes of the resource that made the span, by key.
    public var resource: [String: AttributeValue]
    /// What happened during the span, oldest first.
    public var events: [Event]
    /// The spans that this one points to.
    public var links: [Link]
    /// Whether the work succeeded.
    public var status: Status
    /// W3C trace flags in bits 0–7 and OTLP's remote-parent bits 8 and 9.
    public var flags: UInt32

    /// Creates a span; ids are lower-case hexadecimal texts, times are nanoseconds since 1970 UTC.
    public init(
        traceID: String,
        spanID: String,
        parentSpanID: String? = nil,
        name: String,
        kind: Kind = .internal,
        service: String,
        scope: String = "",
        startNanoseconds: UInt64,
        endNanoseconds: UInt64,
        attributes: [String: AttributeValue] = [:],
        resource: [String: AttributeValue] = [:],
        events: [Event] = [],
        links: [Link] = [],
        status: Status = Status(),
        flags: UInt32 = 0
    ) {
        self.traceID = traceID
        self.spanID = spanID
        self.parentSpanID = parentSpanID
        self.name = name
        self.kind = kind
        self.service = service
        self.scope = scope
        self.startNanoseconds = startNanoseconds
        self.endNanoseconds = endNanoseconds
        self.attributes = attributes
        self.resource = resource
        self.events = events
        self.links = links
        self.status = status
        self.flags = flags
    }

    /// The duration in nanoseconds; zero when the end lies before the start.
    public var durationNanoseconds: UInt64 {
        endNanoseconds > startNanoseconds ? endNanoseconds - startNanoseconds : 0
    }

    /// Whether the span failed.
    public var isError: Bool { status.code == .error }

    /// The stage of a journey that the span says it is (`contrail.stage`).
    var stageName: String? { attributes["contrail.stage"]?.stringValue }

    /// Whether nobody works during the span: it shows a wait.
    var isWait: Bool { stageName?.hasSuffix("_wait") ?? false }
}
