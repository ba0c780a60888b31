internal import JetStream
public import Observability
internal import Tracing

/// An event that a consumer gave up, as the stream of dead letters keeps it.
public struct DeadLetter: Sendable {
    /// Its number in the stream of dead letters.
    public let sequence: UInt64
    /// What is known about the event.
    public let event: EventEnvelope
    /// Why it was given up, of low cardinality.
    public let reason: String
    /// The kind of the last error.
    public let errorType: String
    /// What the last error said.
    public let error: String
    /// How many deliveries it had.
    public let attempts: Int
    /// The subject that it was published to.
    public let subject: String
    /// The stream that it came from.
    public let stream: String
    /// Its sequence there.
    public let streamSequence: UInt64
    /// Who gave it up.
    public let consumer: String
    /// When it was given up, in nanoseconds since the Unix epoch.
    public let deadAt: UInt64
    /// The trace that it belongs to.
    public let trace: SpanContext?
    /// All its headers, in order.
    public let headers: [(name: String, value: String)]
    /// The event's payload.
    public let payload: [UInt8]
}

/// Reads the dead letters, and sends them on their way again.
public struct DeadLetters: Sendable {
    private let broker: MessageBroker
    private let telemetry: Telemetry
    private let publisher: TracedPublisher

    /// Creates a reader.
    ///
    /// - Parameters:
    ///   - broker: The connection.
    ///   - telemetry: Where to record.
    public init(broker: MessageBroker, telemetry: Telemetry) {
        self.broker = broker
        self.telemetry = telemetry
        publisher = TracedPublisher(broker: broker, telemetry: telemetry, tracer: telemetry.tracer(for: .publish))
    }

    /// How many there are.
    ///
    /// - Throws: What NATS answers.
    public func count() async throws -> UInt64 {
        try await broker.jetStream().streamInfo(DeadLetterHeaders.stream).state.messages
    }

    /// The sequence of the newest, 0 when there never was one.
    ///
    /// - Throws: What NATS answers.
    public func last() async throws -> UInt64 {
        try await broker.jetStream().streamInfo(DeadLetterHeaders.stream).state.lastSequence
    }

    /// Reads the first letter from a sequence on.
    ///
    /// - Parameter sequence: The smallest sequence.
    /// - Returns: `nil` when there is none.
    /// - Throws: What NATS answers.
    public func next(from sequence: UInt64) async throws -> DeadLetter? {
        try await broker.jetStream().nextMessage(stream: DeadLetterHeaders.stream, subject: ">", from: sequence).map(
            letter
        )
    }

    /// Reads one letter.
    ///
    /// - Returns: `nil` when there is none with the sequence (any more).
    /// - Throws: What NATS answers.
    public func letter(_ sequence: UInt64) async throws -> DeadLetter? {
        // The next one may be another one, and then this one is gone.
        guard let next = try await next(from: sequence), next.sequence == sequence else { return nil }
        return next
    }

    /// Sends a letter's event on its way again, in its old trace, and deletes the letter once the stream has the event.
    ///
    /// Repeating it does no harm: the stream recognises the event while its duplicate window lasts, and whoever has handled
    /// it recognises it for ever.
    ///
    /// - Returns: What the stream that it came from answered.
    /// - Throws: ``RedriveError``; the letter is still there then, and the call may be repeated.
    public func redrive(_ letter: DeadLetter) async throws(RedriveError) -> Redrive {
        var headers = NATSHeaders()
        for (name, value) in letter.headers where !name.lowercased().hasPrefix(DeadLetterHeaders.prefix) {
            headers.append(name, value)
        }
        headers.set(DeadLetterHeaders.redriven, to: String(letter.sequence))
        let acknowledgement: PublishAcknowledgement
        do {
            acknowledgement = try await publisher.publish(
                letter.event,
                to: letter.subject,
                payload: letter.payload,
                headers: headers,
                stream: letter.stream,
                messageID: "\(letter.event.id):redrive:\(letter.sequence)",
                parent: ActiveContext(spanContext: letter.trace)
            )
        } catch {
            throw RedriveError(isCertainlyUnsent: error.isCertainlyUnsent, cause: error)
        }
        do {
            try await broker.jetStream().deleteMessage(
                stream: DeadLetterHeaders.stream,
                sequence: letter.sequence,
                erases: false
            )
        } catch let error as JetStreamError where error.kind == .messageNotFound {
            // Somebody else redrives the same letter: one of the two was recognised as a duplicate.
        } catch {
            throw RedriveError(isCertainlyUnsent: false, cause: error)
        }
        return Redrive(streamSequence: acknowledgement.sequence, isDuplicate: acknowledgement.isDuplicate)
    }

    /// A letter was not redriven, or not wholly.
    public struct RedriveError: Error, CustomStringConvertible {
        /// Whether the event certainly is not on its way. After a time-out nobody knows.
        public let isCertainlyUnsent: Bool
        /// What went wrong.
        public let cause: any Error

        /// What went wrong.
        public var description: String { "\(cause)" }
    }

    /// What became of a letter that was sent on its way again.
    public struct Redrive: Sendable, Hashable {
        /// The event's new sequence in its stream.
        public let streamSequence: UInt64
        /// Whether the stream had it already, from an earlier redrive.
        public let isDuplicate: Bool
    }

    private func letter(_ stored: StoredMessage) -> DeadLetter {
        let headers = stored.message.headers
        func text(_ name: String) -> String { headers.first(named: name) ?? "" }
        return DeadLetter(
            sequence: stored.sequence,
            event: EventEnvelope(
                headers: headers,
                subject: text(DeadLetterHeaders.subject),
                fallbackID: "\(text(DeadLetterHeaders.sourceStream)):\(text(DeadLetterHeaders.sequence))",
                fallbackTime: UInt64(clamping: stored.timestamp)
            ),
            reason: text(DeadLetterHeaders.reason),
            errorType: text(DeadLetterHeaders.errorType),
            error: text(DeadLetterHeaders.error),
            attempts: Int(text(DeadLetterHeaders.attempts)) ?? 0,
            subject: text(DeadLetterHeaders.subject),
            stream: text(DeadLetterHeaders.sourceStream),
            streamSequence: UInt64(text(DeadLetterHeaders.sequence)) ?? 0,
            consumer: text(DeadLetterHeaders.consumer),
            deadAt: UInt64(clamping: stored.timestamp),
            trace: telemetry.propagators.extract(headers).spanContext,
            headers: headers.map { ($0.name, $0.value) },
            payload: stored.message.payload
        )
    }
}
