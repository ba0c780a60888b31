public import Instrumentation

/// What code that runs now belongs to: the span, or the remote caller's context, and the baggage.
///
/// It lives in swift-distributed-tracing's task-local `InstrumentationContext`, so that our tracer and libraries that
/// use the standard API see the same parents.
public struct ActiveContext: Sendable {
    /// The context that new spans become children of.
    public var spanContext: SpanContext?
    /// The span itself, when it is one of this process.
    public var span: OTelSpan?
    /// Values that travel with the trace.
    public var baggage: Baggage

    /// Creates a context, for instance from what a carrier brought.
    public init(spanContext: SpanContext? = nil, span: OTelSpan? = nil, baggage: Baggage = Baggage()) {
        self.spanContext = spanContext
        self.span = span
        self.baggage = baggage
    }

    /// Creates the context that a span's children are started in.
    public init(_ span: OTelSpan) {
        self.init(spanContext: span.spanContext, span: span, baggage: span.baggage)
    }

    /// The context of the code that asks.
    public static var current: ActiveContext {
        InstrumentationContext.current?.active ?? ActiveContext()
    }

    /// Runs a body in which new spans are children of this context.
    public func run<T>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> T
    ) async rethrows -> T {
        var context = InstrumentationContext.current ?? .topLevel
        context.active = self
        return try await InstrumentationContext.withValue(context) { try await body() }
    }
}

extension OTelSpan {
    /// The span of the code that asks, when there is one of this process.
    public static var current: OTelSpan? { ActiveContext.current.span }
}

private enum ActiveContextKey: InstrumentationContextKey {
    typealias Value = ActiveContext
    static var nameOverride: String? { "contrail-active-context" }
}

extension InstrumentationContext {
    /// The trace context that the SDK keeps in it.
    public var active: ActiveContext? {
        get { self[ActiveContextKey.self] }
        set { self[ActiveContextKey.self] = newValue }
    }
}
