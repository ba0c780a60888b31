internal import Observability

/// What an event of spans is: its name and attributes, and when a span has one.
public struct SpanEventDeclaration: Sendable {
    /// The name, which never varies.
    public let name: String
    /// What has happened, as a sentence.
    public let meaning: String
    /// The keys that it always has.
    public let attributes: [String]

    /// All events. Failures are none: those are told by the status and `error.type`.
    public static let all = [circuitBreakerTransition]

    static let circuitBreakerTransition = SpanEventDeclaration(
        name: "circuit_breaker.transition",
        meaning: "A circuit breaker changed its state because of what this span, or a call made in it, did or saw.",
        attributes: [
            SemanticConventions.circuitBreakerName, SemanticConventions.circuitBreakerFrom,
            SemanticConventions.circuitBreakerTo, SemanticConventions.circuitBreakerReason,
        ]
    )
}
