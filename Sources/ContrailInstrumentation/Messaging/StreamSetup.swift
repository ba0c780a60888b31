internal import JetStream

/// A stream of the shop, as it is declared at start.
public struct EventStreamDeclaration: Sendable, Hashable {
    /// How messages leave the stream.
    public enum Retention: Sendable, Hashable {
        /// When they have been acknowledged.
        case workQueue
        /// After a time.
        case limits(maximumAge: Duration)
    }

    /// The stream's name.
    public let name: String
    /// The subjects that it keeps.
    public let subjects: [String]
    /// How messages leave it.
    public let retention: Retention

    /// Creates a declaration.
    public init(name: String, subjects: [String], retention: Retention) {
        self.name = name
        self.subjects = subjects
        self.retention = retention
    }
}

extension MessageBroker {
    /// Creates a stream, or checks that the one that is there is the declared one.
    ///
    /// - Parameters:
    ///   - stream: The declaration.
    ///   - replicas: 1 for a single server, 3 for a cluster.
    /// - Throws: An error that names each difference that cannot be reconciled.
    public func ensure(_ stream: EventStreamDeclaration, replicas: Int = 1) async throws {
        var configuration = StreamConfiguration(name: stream.name, subjects: stream.subjects)
        configuration.storage = .file
        // Full means refuse: discarding the oldest would delete work that nobody has done.
        configuration.discard = .new
        configuration.duplicateWindow = .seconds(120)
        configuration.replicas = replicas
        // Counting what is overdue takes one request with it.
        configuration.allowDirect = true
        switch stream.retention {
        case .workQueue:
            configuration.retention = .workQueue
            configuration.maxMessageSize = 256 * 1024
        case .limits(let age):
            // A dead letter is a message of the largest size and the headers that tell its story.
            configuration.maxMessageSize = 320 * 1024
            configuration.retention = .limits
            configuration.maxAge = age
        }
        _ = try await jetStream().ensureStream(configuration)
    }

    /// Creates a durable pull consumer, or checks the one that is there.
    ///
    /// - Throws: An error that names each difference that cannot be reconciled.
    public func ensure(_ consumer: TracedConsumer.Configuration) async throws {
        var configuration = ConsumerConfiguration(durableName: consumer.consumer)
        configuration.ackPolicy = .explicit
        configuration.ackWait = consumer.acknowledgementWait
        // The consumer moves a message to the dead letters itself; JetStream's own limit would leave it stuck in the
        // stream, where nobody sees it.
        configuration.maxDeliver = -1
        configuration.maxAckPending = consumer.concurrency * 8
        _ = try await jetStream().ensureConsumer(configuration, on: consumer.stream)
    }
}
