extension JetStreamContext {
    /// Publishes a message to the stream that owns `subject` and waits until it is stored.
    ///
    /// When nobody answers at all, JetStream may be starting: the publish is tried again a few times within `timeout`.
    /// That is safe, because "no responders" means that the message was not stored. A time-out means that the outcome
    /// is **unknown**: publish again with the same `messageID`.
    ///
    /// - Parameters:
    ///   - headers: Headers to send along; names that start with `Nats-` mean something to the server.
    ///   - messageID: The `Nats-Msg-Id`, by which the stream recognises a repetition inside its duplicate window.
    ///   - expectedStream: The stream that must own the subject; another one refuses the message.
    ///   - timeout: How long to wait in all.
    /// - Throws: `JetStreamError` when the stream refuses the message, `NATSError` when the request fails
    ///   (`.timeout`: unknown outcome), `CancellationError`.
    public func publish(
        subject: String,
        headers: NATSHeaders = [:],
        payload: [UInt8],
        messageID: String? = nil,
        expectedStream: String? = nil,
        timeout: Duration = .seconds(5)
    ) async throws -> PublishAcknowledgement {
        var headers = headers
        if let messageID { headers.set("Nats-Msg-Id", to: messageID) }
        if let expectedStream { headers.set("Nats-Expected-Stream", to: expectedStream) }
        let message = NATSMessage(subject: subject, headers: headers, payload: payload)

        let deadline = ContinuousClock.now + timeout
        let lastAttempt = 4
        var attempt = 0
        while true {
            do {
                let reply = try await connection.request(message, timeout: deadline - .now)
                return try Self.acknowledgement(reply.payload, subject)
            } catch let error as NATSError where error.code == .noResponders {
                let wait = Backoff.delay(attempt: attempt, in: .milliseconds(100)...(.seconds(1)))
                guard attempt < lastAttempt, ContinuousClock.now + wait < deadline else {
                    throw NATSError(
                        .noResponders,
                        "no stream stores '\(subject)', or JetStream is not running; the message was not stored"
                    )
                }
                try await Task.sleep(for: wait)
                attempt += 1
            }
        }
    }

    private static func acknowledgement(_ payload: [UInt8], _ subject: String) throws -> PublishAcknowledgement {
        if let acknowledgement = PublishAcknowledgement(commonForm: payload) { return acknowledgement }
        let action = "publish to '\(subject)'"
        if let error = try decode(APIErrorEnvelope.self, from: payload, action).error { throw error.error(action) }
        return try decode(PublishAcknowledgement.self, from: payload, action)
    }
}
