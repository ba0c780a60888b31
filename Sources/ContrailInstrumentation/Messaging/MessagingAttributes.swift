internal import JetStream
internal import Observability

extension Attributes {
    /// What every messaging span starts with.
    static func messaging(_ operation: String, type: String, subject: String) -> Attributes {
        [
            SemanticConventions.messagingSystem: "nats",
            SemanticConventions.messagingOperationName: .string(operation),
            SemanticConventions.messagingOperationType: .string(type),
            SemanticConventions.messagingDestinationName: .string(subject),
        ]
    }

    /// What identifies an event.
    static func event(_ event: EventEnvelope) -> Attributes {
        [
            SemanticConventions.messagingMessageID: .string(event.id),
            SemanticConventions.cloudEventsID: .string(event.id),
            SemanticConventions.cloudEventsType: .string(event.type),
            SemanticConventions.cloudEventsSource: .string(event.source),
        ]
    }
}

extension OTelSpan {
    /// Notes that two clocks disagree: the wait is shown as nothing, and the difference is said.
    func recordSkew(nanoseconds: UInt64) {
        setAttribute(SemanticConventions.clockSkew, .double(Double(nanoseconds) / 1e9))
    }
}

extension Error {
    /// Whether a publish that failed so stored nothing, rather than perhaps something.
    var isCertainlyUnsent: Bool {
        switch self {
        case let error as NATSError:
            [.noResponders, .notSent, .queueFull, .permissionDenied, .payloadTooLarge, .invalidArgument]
                .contains(error.code)
        case let error as JetStreamError: error.kind != .invalidResponse
        case is BrokerUnavailable: true
        default: false
        }
    }

    /// The `error.type` of a failed messaging operation, of low cardinality.
    var messagingErrorType: String {
        switch self {
        case let error as NATSError: error.code.description
        case let error as JetStreamError: "jetstream_\(error.code)"
        case is BrokerUnavailable: "not_connected"
        case is CancellationError: "cancelled"
        default: String(reflecting: Swift.type(of: self))
        }
    }
}
