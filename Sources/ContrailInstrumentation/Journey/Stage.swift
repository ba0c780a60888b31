public import Observability

/// A part of an event's journey from the call that caused it to the end of its handling, in the journey's order.
///
/// Its name is the value of `contrail.stage`, of the label `stage` and of columns.
public enum Stage: String, Sendable, Hashable, CaseIterable {
    /// The call arrives → its transaction has recorded the event.
    case accept
    /// Recorded → the relay starts the publish that succeeds.
    case outboxWait = "outbox_wait"
    /// The publish starts → JetStream has stored the event.
    case publish
    /// Stored in the stream → first delivery.
    case streamWait = "stream_wait"
    /// An attempt has failed → the next starts; the sum over all.
    case redeliveryWait = "redelivery_wait"
    /// What the handler must know before it can deliver; the sum over all attempts.
    case lookup
    /// The provider call; the sum over all attempts.
    case deliver
    /// The effect is committed and the event acknowledged.
    case record

    /// The value of the attribute `contrail.stage`.
    public var attribute: AttributeValue { .string(rawValue) }

    /// The attribute of a process span that has the stage's duration in seconds.
    public var durationAttribute: String {
        switch self {
        case .accept: SemanticConventions.acceptDuration
        case .outboxWait: SemanticConventions.outboxWaitDuration
        case .publish: SemanticConventions.publishDuration
        case .streamWait: SemanticConventions.streamWaitDuration
        case .redeliveryWait: SemanticConventions.redeliveryWaitDuration
        case .lookup: SemanticConventions.lookupDuration
        case .deliver: SemanticConventions.deliverDuration
        case .record: SemanticConventions.recordDuration
        }
    }
}
