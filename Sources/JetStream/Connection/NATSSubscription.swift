/// The messages of one core NATS subscription, at most once.
///
/// Iteration ends when the task is cancelled; it throws when the server refuses the subscription or the connection is
/// shut down. A reader that falls behind loses the oldest messages: what must not be lost belongs into a stream.
public struct NATSSubscription: AsyncSequence, Sendable {
    /// An asynchronous iterator over messages.
    public typealias AsyncIterator = AsyncThrowingStream<NATSMessage, any Error>.Iterator
    /// A message.
    public typealias Element = NATSMessage

    let stream: AsyncThrowingStream<NATSMessage, any Error>

    /// Creates the iterator; one per subscription.
    public func makeAsyncIterator() -> AsyncIterator {
        stream.makeAsyncIterator()
    }
}

extension NATSConnection {
    /// Subscribes to a subject, which may have wildcards, from here on and across reconnects.
    ///
    /// - Parameters:
    ///   - queueGroup: The group of subscribers that share the messages.
    ///   - bufferLimit: How many messages wait for the reader before the oldest is dropped.
    /// - Throws: `NATSError` with `.invalidArgument` or `.closed`.
    public func subscribe(
        to subject: String,
        queueGroup: String? = nil,
        bufferLimit: Int = 1024
    ) throws -> NATSSubscription {
        try Subjects.validate(subject, allowsWildcards: true)
        let (stream, continuation) = AsyncThrowingStream.makeStream(
            of: NATSMessage.self,
            throwing: (any Error).self,
            bufferingPolicy: .bufferingNewest(bufferLimit)
        )
        let handler = StreamingHandler(continuation, core.counters)
        let registration = SubscriptionRegistration(subject: subject, queueGroup: queueGroup, handler: handler)
        let id = try core.subscribe(registration)
        continuation.onTermination = { [weak core] _ in core?.unsubscribe(id) }
        return NATSSubscription(stream: stream)
    }
}

/// Copies messages into an `AsyncStream`.
private final class StreamingHandler: SubscriptionHandler {
    private let continuation: AsyncThrowingStream<NATSMessage, any Error>.Continuation

    private let counters: DeliveryCounters

    init(_ continuation: AsyncThrowingStream<NATSMessage, any Error>.Continuation, _ counters: DeliveryCounters) {
        self.continuation = continuation
        self.counters = counters
    }

    func received(_ message: consuming IncomingMessage) {
        if case .dropped = continuation.yield(message.copy()) { counters.addDropped(1) }
    }

    func connectionLost() {}

    func connectionRestored(isNewServer: Bool) {}

    func publishRefused(to subject: String, _ error: NATSError) {}

    func ended(_ error: NATSError) {
        continuation.finish(throwing: error)
    }
}
