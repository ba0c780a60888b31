public import Observability

/// What is stored with an event so that its consumer continues the trace and knows the journey.
public enum TraceHeaders {
    /// The context of the code that asks: `traceparent`, `tracestate` and `baggage`, as far as there are, and
    /// `contrail-accepted-at`, when the call arrived that it serves.
    ///
    /// A trace that tail keep has kept meanwhile is sampled here: who publishes the event may be another process, or a later
    /// one, that knows of no verdict.
    ///
    /// - Parameter propagators: Which headers carry traces: ``Telemetry/propagators``.
    public static func current(_ propagators: Propagators = .all) -> [String: String] {
        var headers: [String: String] = [:]
        var context = ActiveContext.current
        if let exported = context.exportedContext { context.spanContext = exported }
        propagators.inject(context) { name, value in headers[name] = value }
        if let arrival = CallArrival.current { headers[JourneyHeaders.acceptedAt] = String(arrival) }
        return headers
    }
}
