public import Tracing

/// A span that has ended: what a processor hands to an exporter.
public struct FinishedSpan: Sendable, Hashable {
    /// The span's own context.
    public var context: SpanContext
    /// The parent, if the span is not a root.
    public var parentSpanID: SpanID?
    /// Whether the parent lives in another process.
    public var parentIsRemote: Bool
    /// The operation, of low cardinality.
    public var name: String
    /// The role of the span in its trace.
    public var kind: SpanKind
    /// When it started, in nanoseconds since the Unix epoch.
    public var startTime: UInt64
    /// When it ended, in nanoseconds since the Unix epoch; not before the start.
    public var endTime: UInt64
    /// What describes it.
    public var attributes: Attributes
    /// How many attributes the limits refused.
    public var droppedAttributesCount: Int
    /// What happened during it, in order.
    public var events: [OTelSpan.Event]
    /// How many events the limits refused.
    public var droppedEventsCount: Int
    /// Spans it relates to.
    public var links: [OTelSpan.Link]
    /// How many links the limits refused.
    public var droppedLinksCount: Int
    /// Whether it failed.
    public var status: OTelSpan.Status
    /// The library that made it.
    public var scope: InstrumentationScope

    /// Creates a span's record; tests and exporters' fixtures use it directly.
    public init(
        context: SpanContext,
        parentSpanID: SpanID? = nil,
        parentIsRemote: Bool = false,
        name: String,
        kind: SpanKind = .internal,
        startTime: UInt64,
        endTime: UInt64,
        attributes: Attributes = [:],
        droppedAttributesCount: Int = 0,
        events: [OTelSpan.Event] = [],
        droppedEventsCount: Int = 0,
        links: [OTelSpan.Link] = [],
        droppedLinksCount: Int = 0,
        status: OTelSpan.Status = .unset,
        scope: InstrumentationScope
    ) {
        self.context = context
        self.parentSpanID = parentSpanID
        self.parentIsRemote = parentIsRemote
        self.name = name
        self.kind = kind
        self.startTime = startTime
        self.endTime = endTime
        self.attributes = attributes
        self.droppedAttributesCount = droppedAttributesCount
        self.events = events
        self.droppedEventsCount = droppedEventsCount
        self.links = links
        self.droppedLinksCount = droppedLinksCount
        self.status = status
        self.scope = scope
    }
}

/// The library or module that makes spans.
///
/// Implements the OpenTelemetry common specification, "Instrumentation scope".
public struct InstrumentationScope: Hashable, Sendable {
    /// The module's name.
    public let name: String
    /// The module's version; may be empty.
    public let version: String
    /// The semantic conventions that its attributes follow.
    public let schemaURL: String

    /// Creates a scope.
    public init(name: String, version: String = "", schemaURL: String = SemanticConventions.schemaURL) {
        self.name = name
        self.version = version
        self.schemaURL = schemaURL
    }
}

extension OTelSpan {
    /// Something that happened during a span.
    public struct Event: Hashable, Sendable {
        /// What happened.
        public var name: String
        /// When, in nanoseconds since the Unix epoch.
        public var time: UInt64
        /// Details.
        public var attributes: Attributes
        /// How many details the limits refused.
        public var droppedAttributesCount: Int

        /// Creates an event.
        public init(name: String, time: UInt64, attributes: Attributes = [:], droppedAttributesCount: Int = 0) {
            self.name = name
            self.time = time
            self.attributes = attributes
            self.droppedAttributesCount = droppedAttributesCount
        }
    }

    /// A relation to a span that is not the parent.
    public struct Link: Hashable, Sendable {
        /// The other span.
        public var context: SpanContext
        /// What the relation means.
        public var attributes: Attributes
        /// How many attributes the limits refused.
        public var droppedAttributesCount: Int

        /// Creates a link.
        public init(context: SpanContext, attributes: Attributes = [:], droppedAttributesCount: Int = 0) {
            self.context = context
            self.attributes = attributes
            self.droppedAttributesCount = droppedAttributesCount
        }
    }

    /// The outcome of a span. The order is `unset < error < ok`; `ok` is final.
    public enum Status: Hashable, Sendable {
        /// Nothing was said: the usual state of success.
        case unset
        /// The operation failed, with a description that may be empty.
        case error(String)
        /// Somebody confirmed success.
        case ok
    }
}
