public import Observability
public import Tracing

/// What a span is: its name, its role, and the attributes and links that it may have.
///
/// A span is started from its declaration, and a tracer is asked for with the declarations of its spans; the catalogue of
/// signals is made from the same ones.
public struct SpanDeclaration: Sendable {
    /// A link that a span may have.
    public struct Link: Sendable, Hashable {
        /// What it points to, and when there is one.
        public let meaning: String
        /// The keys of its attributes.
        public let attributes: [String]
    }

    /// The module that makes the span.
    public let scope: String
    /// The role in the trace.
    public let kind: SpanKind
    /// What the span covers, as a sentence.
    public let meaning: String
    /// The keys that the span always has.
    public let attributes: [String]
    /// The keys that it may have, and when.
    public let sometimes: [(key: String, when: String)]
    /// The links that it may have.
    public let links: [Link]

    private let prefix: String
    private let detail: String?

    /// Declares a span.
    ///
    /// - Parameters:
    ///   - prefix: The name, or its first part with the space after it.
    ///   - detail: The attribute whose value is the rest of the name; `nil` when there is none.
    ///   - kind: The role in the trace.
    ///   - scope: The module that makes it.
    ///   - meaning: What it covers, as a sentence.
    ///   - attributes: The keys that it always has.
    ///   - sometimes: The keys that it may have, and when.
    ///   - links: The links that it may have.
    public init(
        _ prefix: String,
        detail: String? = nil,
        kind: SpanKind = .internal,
        scope: String,
        meaning: String,
        attributes: [String] = [],
        sometimes: [(key: String, when: String)] = [],
        links: [Link] = []
    ) {
        self.prefix = prefix
        self.detail = detail
        self.kind = kind
        self.scope = scope
        self.meaning = meaning
        self.attributes = attributes
        self.sometimes = sometimes
        self.links = links
    }

    /// The name with the attribute that varies in braces: `publish {messaging.destination.name}`.
    public var pattern: String { detail.map { "\(prefix){\($0)}" } ?? prefix }

    /// The name of one span.
    func name(_ detail: String) -> String { prefix.isEmpty ? detail : prefix + detail }
}

extension OTelTracer {
    /// Starts a declared span, which the caller must end.
    func startSpan(
        _ declaration: SpanDeclaration,
        _ detail: String = "",
        parent: ActiveContext = .current,
        startTime: UInt64? = nil,
        attributes: @autoclosure () -> Attributes = [:],
        links: [OTelSpan.Link] = []
    ) -> OTelSpan {
        startSpan(
            declaration.name(detail),
            kind: declaration.kind,
            parent: parent,
            startTime: startTime,
            attributes: attributes(),
            links: links
        )
    }

    /// Starts a declared span whose attributes are written straight into its record: the way of the hot paths.
    ///
    /// - Parameters:
    ///   - declaration: What the span is.
    ///   - detail: The rest of its name.
    ///   - parent: What the span is a child of.
    ///   - startTime: When it began, in nanoseconds since the Unix epoch; now when `nil`.
    ///   - fill: Sets what is known at the start; not called when nothing is recorded.
    func startSpan(
        _ declaration: SpanDeclaration,
        _ detail: String = "",
        parent: ActiveContext = .current,
        startTime: UInt64? = nil,
        fill: (inout Attributes) -> Void
    ) -> OTelSpan {
        startSpan(declaration.name(detail), kind: declaration.kind, parent: parent, startTime: startTime, fill: fill)
    }

    /// Runs a body in a declared span, which ends with it.
    ///
    /// - Parameters:
    ///   - declaration: What the span is.
    ///   - detail: The rest of its name.
    ///   - attributes: What is known at the start.
    ///   - isolation: The caller's isolation, in which the body runs.
    ///   - body: The operation.
    /// - Returns: What the body returns.
    /// - Throws: What the body throws.
    public func withSpan<T>(
        _ declaration: SpanDeclaration,
        _ detail: String = "",
        attributes: @autoclosure () -> Attributes = [:],
        isolation: isolated (any Actor)? = #isolation,
        _ body: (OTelSpan) async throws -> T
    ) async rethrows -> T {
        try await withSpan(declaration.name(detail), kind: declaration.kind, attributes: attributes(), body)
    }
}
