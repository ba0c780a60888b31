internal import JetStream

/// How a dead letter tells its story: what it was, where it came from, and why it was given up.
enum DeadLetterHeaders {
    /// The stream that keeps dead letters.
    static let stream = "DEAD_LETTERS"

    /// What all of them begin with, in lower case.
    static let prefix = "contrail-dead-"

    /// Why, of low cardinality.
    static let reason = "Contrail-Dead-Reason"
    /// The kind of the last error.
    static let errorType = "Contrail-Dead-Error-Type"
    /// What the last error said.
    static let error = "Contrail-Dead-Error"
    /// How many deliveries it had.
    static let attempts = "Contrail-Dead-Attempts"
    /// Its subject.
    static let subject = "Contrail-Dead-Subject"
    /// Its stream.
    static let sourceStream = "Contrail-Dead-Stream"
    /// Its sequence there.
    static let sequence = "Contrail-Dead-Sequence"
    /// Who gave it up.
    static let consumer = "Contrail-Dead-Consumer"
    /// On an event that was sent on its way again: the sequence of its dead letter.
    static let redriven = "Contrail-Redriven-From"

    /// The subject of a message's dead letter.
    static func subject(of metadata: MessageMetadata) -> String { "dead.\(metadata.stream).\(metadata.consumer)" }

    /// The same for every repetition, and another one when the event is given up again after a redrive.
    static func messageID(of event: EventEnvelope, _ metadata: MessageMetadata) -> String {
        "\(event.id):\(metadata.consumer):\(metadata.streamSequence)"
    }

    /// The message's headers with the story; those that mean something to JetStream are left out.
    static func make(_ message: JetStreamMessage, notice: DeadLetterNotice, error: any Error) -> NATSHeaders {
        var headers = NATSHeaders(
            message.headers.filter { header in
                let name = header.name.lowercased()
                return !name.hasPrefix("nats-") && name != redriven.lowercased()
            }
        )
        // What a foreign event is known by is its place in the stream, which a redrive changes.
        let event = EventEnvelope(message)
        if headers.first(named: "ce-id") != event.id { headers.set("ce-id", to: event.id) }
        if headers.first(named: "ce-time") == nil {
            headers.set("ce-time", to: RFC3339.format(nanoseconds: event.time))
        }
        headers.set(JourneyHeaders.storedAt, to: String(message.firstStored))
        headers.set(reason, to: notice.reason)
        headers.set(errorType, to: notice.errorType)
        headers.set(Self.error, to: String("\(error)".prefix(512).filter { !$0.isNewline }))
        headers.set(attempts, to: String(notice.attempts))
        headers.set(subject, to: message.subject)
        headers.set(sourceStream, to: message.metadata.stream)
        headers.set(sequence, to: String(message.metadata.streamSequence))
        headers.set(consumer, to: message.metadata.consumer)
        return headers
    }
}
