public import Instrumentation

/// What code that runs now belongs to: the span, or the remote caller's context, and the baggage.
///
/// It lives in swift-distributed-tracing's task-local `InstrumentationContext`, so that our tracer and libraries that
/// use the standard API see the same parents.
public struct ActiveContext: Sendable {
    /// Values that travel with the trace.
    public var baggage: Baggage
    /// All zero when there is none.
    private var context: SpanContext
    private var record: SpanRecord?
    private var isLocalSpan: Bool

    /// Creates a context, for instance from what a carrier brought.
    public init(spanContext: SpanContext? = nil, baggage: Baggage = Baggage()) {
        context = spanContext ?? .none
        self.baggage = baggage
        isLocalSpan = false
    }

    /// Creates the context that a span's children are started in.
    @inline(__always)
    public init(_ span: OTelSpan) {
        context = span.spanContext
        baggage = span.baggage
        record = span.record
        isLocalSpan = true
    }

    /// The context that new spans become children of. Setting it replaces the span.
    public var spanContext: SpanContext? {
        get { context == .none ? nil : context }
        set { self = ActiveContext(spanContext: newValue, baggage: baggage) }
    }

    /// ``spanContext``, or ``OTelSpan/exportedContext`` when there is a span of this process.
    public var exportedContext: SpanContext? { span?.exportedContext ?? spanContext }

    /// The span itself, when it is one of this process.
    public var span: OTelSpan? { isLocalSpan ? OTelSpan(context, baggage: baggage, record: record) : nil }

    /// The parent of new spans, without a copy; `nil` when there is no valid one.
    @inline(__always)
    var parent: SpanContext? { context.isValid ? context : nil }

    /// The state that new spans inherit.
    @inline(__always)
    var traceState: TraceState { context.traceState }

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

/// The context in the dictionary of an `InstrumentationContext`: a reference fits there without further memory.
private final class ActiveContextBox: Sendable {
    let context: ActiveContext

    init(_ context: ActiveContext) {
        self.context = context
    }
}

private enum ActiveContextKey: InstrumentationContextKey {
    typealias Value = ActiveContextBox
    static var nameOverride: String? { "contrail-active-context" }
}

extension InstrumentationContext {
    /// The trace context that the SDK keeps in it.
    public var active: ActiveContext? {
        get { self[ActiveContextKey.self]?.context }
        set { self[ActiveContextKey.self] = newValue.map(ActiveContextBox.init) }
    }
}
