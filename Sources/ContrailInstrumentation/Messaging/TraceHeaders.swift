internal import Observability

/// What is stored with an event so that its consumer continues the trace and knows the journey.
public enum TraceHeaders {
    /// The context of the code that asks: `traceparent`, `tracestate` and `baggage`, as far as there are, and
    /// `contrail-accepted-at`, when the call arrived that it serves.
    public static func current() -> [String: String] {
        var headers: [String: String] = [:]
        W3CPropagator.inject(ActiveContext.current) { name, value in headers[name] = value }
        if let arrival = CallArrival.current { headers[JourneyHeaders.acceptedAt] = String(arrival) }
        return headers
    }
}
