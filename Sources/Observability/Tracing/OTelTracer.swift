public import Tracing

/// Makes the spans of one module: the concrete door beside swift-distributed-tracing's.
///
/// Implements the OpenTelemetry trace API, "Tracer".
public final class OTelTracer: Sendable {
    /// The module.
    public let scope: InstrumentationScope
    /// What the tracer belongs to.
    public let provider: TracerProvider

    init(scope: InstrumentationScope, provider: TracerProvider) {
        self.scope = scope
        self.provider = provider
    }

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
    public func startSpan(
        _ name: String,
        kind: SpanKind = .internal,
        parent: ActiveContext = .current,
        startTime: UInt64? = nil,
        attributes: @autoclosure () -> Attributes = [:],
        links: [OTelSpan.Link] = []
    ) -> OTelSpan {
        let parentContext = parent.spanContext.flatMap { $0.isValid ? $0 : nil }
        guard provider.isEnabled else {
            return passingOn(parentContext, name: name, kind: kind, baggage: parent.baggage)
        }
        // A new trace has a random id; a continued one keeps its flag as it came (W3C "random-trace-id flag").
        let traceID = parentContext?.traceID ?? provider.makeTraceID()
        var flags = parentContext?.flags.intersection(.random) ?? .random
        let isSampled = provider.sampler.shouldSample(parent: parentContext, traceID: traceID)
        if isSampled { flags.insert(.sampled) }
        var span = FinishedSpan(
            context: SpanContext(
                traceID: traceID,
                spanID: provider.makeSpanID(),
                flags: flags,
                traceState: parentContext?.traceState ?? TraceState()
            ),
            parentSpanID: parentContext?.spanID,
            parentIsRemote: parentContext?.isRemote ?? false,
            name: name,
            kind: kind,
            startTime: startTime ?? provider.now(),
            endTime: 0,
            scope: scope
        )
        if isSampled {
            span.attributes = attributes()
            span.droppedAttributesCount = span.attributes.limit(
                count: provider.limits.attributeCount,
                valueLength: provider.limits.attributeValueLength
            )
            span.links = links.prefix(provider.limits.linkCount).map(provider.limits.applied(to:))
            span.droppedLinksCount = links.count - span.links.count
        }
        return OTelSpan(data: span, baggage: parent.baggage, isSampled: isSampled, provider: provider)
    }

    /// A span that records nothing and is nobody's parent: who comes next continues the caller's own context, as the
    /// trace API asks of a tracer without SDK.
    private func passingOn(_ parent: SpanContext?, name: String, kind: SpanKind, baggage: Baggage) -> OTelSpan {
        let nothing = SpanContext(traceID: TraceID(high: 0, low: 0), spanID: SpanID(0), flags: [])
        let data = FinishedSpan(
            context: parent ?? nothing,
            name: name,
            kind: kind,
            startTime: 0,
            endTime: 0,
            scope: scope
        )
        return OTelSpan(data: data, baggage: baggage, isSampled: false, provider: provider)
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
