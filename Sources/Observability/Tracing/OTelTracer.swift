public import Tracing

/// Makes the spans of one module: the concrete door beside swift-distributed-tracing's.
///
/// Implements the OpenTelemetry trace API, "Tracer".
public final class OTelTracer: Sendable {
    /// The module.
    public let scope: InstrumentationScope
    /// What the tracer belongs to.
    public let provider: TracerProvider

    /// Tells the tracers of a provider apart.
    let number: UInt64

    /// The provider's, without the detour and without counting references: the provider keeps it alive.
    private let pipeline: Unmanaged<SpanPipeline>

    /// - Parameter pipeline: One that the provider keeps alive.
    init(scope: InstrumentationScope, provider: TracerProvider, pipeline: SpanPipeline) {
        self.pipeline = .passUnretained(pipeline)
        number = provider.nextTracerNumber()
        self.scope = scope
        self.provider = provider
    }

    /// Whether spans are made for somebody: then what describes them is worth computing.
    ///
    /// False when the SDK is disabled or has no processor, and for a tracer that was asked for after the shutdown.
    /// Implements the OpenTelemetry trace API, "Enabled".
    public var isEnabled: Bool { pipeline._withUnsafeGuaranteedRef { $0.isEnabled && $0.hasProcessor } }

    /// Starts a span, which the caller must end. Prefer ``withSpan(_:kind:parent:startTime:attributes:links:isolation:_:)``.
    ///
    /// - Parameters:
    ///   - name: The operation, of low cardinality.
    ///   - kind: The role in the trace.
    ///   - parent: What the span is a child of; a root when it has no span context.
    ///   - startTime: In nanoseconds since the Unix epoch; now when `nil`.
    ///   - attributes: What is known at the start.
    ///   - links: Related spans.
    /// - Returns: A span that records when it is sampled.
    @inline(__always)
    public func startSpan(
        _ name: String,
        kind: SpanKind = .internal,
        parent: ActiveContext = .current,
        startTime: UInt64? = nil,
        attributes: @autoclosure () -> Attributes = [:],
        links: [OTelSpan.Link] = []
    ) -> OTelSpan {
        let (span, record) = pipeline._withUnsafeGuaranteedRef {
            $0.begin(name, kind: kind, parent: parent, startTime: startTime, tracer: self)
        }
        if let record {
            let limits = record.pipeline.limits
            record.data.attributes.merge(attributes())
            record.data.droppedAttributesCount = record.data.attributes.limit(limits.span)
            for link in links { limits.add(link, to: &record.data) }
            record.open()
        }
        return span
    }

    /// Starts a span whose attributes are written straight into its record: the way of the hot paths, which allocates
    /// nothing.
    ///
    /// - Parameters:
    ///   - name: The operation, of low cardinality.
    ///   - kind: The role in the trace.
    ///   - parent: What the span is a child of; a root when it has no span context.
    ///   - startTime: In nanoseconds since the Unix epoch; now when `nil`.
    ///   - fill: Sets what is known at the start; not called when nothing is recorded.
    /// - Returns: A span that records when it is sampled.
    @inline(__always)
    public func startSpan(
        _ name: String,
        kind: SpanKind = .internal,
        parent: ActiveContext = .current,
        startTime: UInt64? = nil,
        fill: (inout Attributes) -> Void
    ) -> OTelSpan {
        let (span, record) = pipeline._withUnsafeGuaranteedRef {
            $0.begin(name, kind: kind, parent: parent, startTime: startTime, tracer: self)
        }
        if let record {
            fill(&record.data.attributes)
            record.data.droppedAttributesCount = record.data.attributes.limit(record.pipeline.limits.span)
            record.open()
        }
        return span
    }

    /// Runs a body in a span that ends with it; an error that leaves the body marks the span as failed.
    ///
    /// Cancellation is not a failure: a `CancellationError` leaves the status alone.
    ///
    /// - Parameters:
    ///   - name: The operation, of low cardinality.
    ///   - kind: The role in the trace.
    ///   - parent: What the span is a child of; a root when it has no span context.
    ///   - startTime: In nanoseconds since the Unix epoch; now when `nil`.
    ///   - attributes: What is known at the start.
    ///   - links: Related spans.
    ///   - isolation: The caller's isolation, in which the body runs.
    ///   - body: The operation.
    /// - Returns: What the body returns.
    /// - Throws: What the body throws.
    public func withSpan<T>(
        _ name: String,
        kind: SpanKind = .internal,
        parent: ActiveContext = .current,
        startTime: UInt64? = nil,
        attributes: @autoclosure () -> Attributes = [:],
        links: [OTelSpan.Link] = [],
        isolation: isolated (any Actor)? = #isolation,
        _ body: (OTelSpan) async throws -> T
    ) async rethrows -> T {
        let span = startSpan(
            name,
            kind: kind,
            parent: parent,
            startTime: startTime,
            attributes: attributes(),
            links: links
        )
        return try await run(span, body)
    }

    /// Runs a body in a span that ends with it; its attributes are written straight into its record.
    ///
    /// The form of ``withSpan(_:kind:parent:startTime:attributes:links:isolation:_:)`` for hot paths: the span itself
    /// allocates nothing.
    ///
    /// - Parameters:
    ///   - name: The operation, of low cardinality.
    ///   - kind: The role in the trace.
    ///   - parent: What the span is a child of; a root when it has no span context.
    ///   - fill: Sets what is known at the start; not called when nothing is recorded.
    ///   - isolation: The caller's isolation, in which the body runs.
    ///   - body: The operation.
    /// - Returns: What the body returns.
    /// - Throws: What the body throws.
    public func withSpan<T>(
        _ name: String,
        kind: SpanKind = .internal,
        parent: ActiveContext = .current,
        fill: (inout Attributes) -> Void,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (OTelSpan) async throws -> T
    ) async rethrows -> T {
        try await run(startSpan(name, kind: kind, parent: parent, fill: fill), body)
    }

    @inline(__always)
    private func run<T>(
        _ span: OTelSpan,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (OTelSpan) async throws -> T
    ) async rethrows -> T {
        defer { span.end() }
        return try await ActiveContext(span).run {
            do {
                return try await body(span)
            } catch {
                span.recordFailure(error)
                throw error
            }
        }
    }
}

extension OTelSpan {
    /// Marks the span as failed by an error that leaves it, unless the error is a cancellation.
    ///
    /// The error's text is kept out: descriptions of foreign errors may hold personal data. A caller that knows its
    /// error is safe uses ``setError(type:message:)`` before, and that wins.
    func recordFailure(_ error: any Error) {
        guard !(error is CancellationError), !hasError else { return }
        setError(type: String(reflecting: type(of: error)))
    }
}
