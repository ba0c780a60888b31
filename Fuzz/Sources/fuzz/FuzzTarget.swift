/// Something that reads what strangers send, and what must hold for every input.
struct FuzzTarget: Sendable {
    /// The name of its corpus folder and dictionary.
    let name: String
    /// Feeds it one input and aborts the process when a property does not hold.
    let run: @Sendable (FuzzInput) -> Void

    static let all = [
        traceParent, traceState, baggage, otlpHeaders, otlpRequest, otlpResponse, contentNegotiation,
    ]
}
