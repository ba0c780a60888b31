internal import Observability

/// The trace context as headers that are stored with an event.
public enum TraceHeaders {
    /// The context of the code that asks: `traceparent`, `tracestate` and `baggage`, as far as there are.
    public static func current() -> [String: String] {
        var headers: [String: String] = [:]
        W3CPropagator.inject(ActiveContext.current) { name, value in headers[name] = value }
        return headers
    }
}
