extension JetStreamContext {
    /// Publishes a message to the stream that owns its subject and waits until it is stored.
    ///
    /// When nobody answers at all, JetStream may be starting: the publish is tried again a few times within `timeout`.
    /// That is safe, because "no responders" means that the message was not stored. A time-out means that the outcome
    /// is **unknown**: publish again with the same `Nats-Msg-Id`.
    ///
    /// - Parameter timeout: How long to wait in all.
    /// - Throws: `JetStreamError` when the stream refuses the message, `NATSError` when the request fails
    ///   (`.timeout`: unknown outcome), `CancellationError`.
    public func publish(_ message: EncodedMessage, timeout: Duration = .seconds(5)) async throws
        -> PublishAcknowledgement
    {
        try message.validate(maximumPayload: connection.maximumPayload)
        return try await Self.retryingNoResponders(message.subject, timeout: timeout) { remaining in
            let pending = PendingPublish(subject: message.subject, publisher: nil)
            try await connection.core.request(message, timeout: remaining, handler: pending)
            return try await pending.acknowledgement()
        }
    }

    /// Tries again for as long as nobody answers at all: then nothing was stored.
    static func retryingNoResponders<Value>(
        _ subject: String,
        timeout: Duration,
        _ body: (_ remaining: Duration) async throws -> Value
    ) async throws -> Value {
        let deadline = ContinuousClock.now + timeout
        let lastAttempt = 4
        var attempt = 0
        while true {
            do {
                return try await body(deadline - .now)
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
}
