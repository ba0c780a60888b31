public import Contracts
public import ContrailInstrumentation
internal import Resilience

extension Settings {
    /// Reads where NATS is and makes the connection's owner.
    ///
    /// - Throws: An error that names the variable that is wrong.
    public mutating func broker(_ name: String, telemetry: Telemetry) throws -> MessageBroker {
        document("NATS_URL", default: "nats://127.0.0.1:4222", "the NATS servers, with commas between")
        document("NATS_USER", default: "", "the NATS user, with NATS_PASSWORD; or NATS_CREDENTIALS for a file")
        return try making(falling: environment) { environment in
            try MessageBroker(environment: environment, name: name, telemetry: telemetry)
        }
    }

    /// Reads how many servers keep a stream.
    public mutating func streamReplicas() -> Int {
        int("CONTRAIL_STREAM_REPLICAS", default: 1, in: 1...5, "servers that keep each stream: 3 in a cluster")
    }

    /// Reads where a service is and how calls to it are protected, and makes a client of it.
    ///
    /// - Parameters:
    ///   - name: The service: `users` has the variables `CONTRAIL_USERS_TARGET`, `CONTRAIL_USERS_TIMEOUT` and so on, and
    ///     this name in metrics.
    ///   - fallback: Where it is unless somebody says otherwise.
    ///   - telemetry: Where to record.
    ///   - makeStub: Makes the generated client.
    /// - Throws: `RuntimeError` for a target that cannot be resolved at all.
    public mutating func client<Stub: Sendable>(
        _ name: String,
        default fallback: NetworkAddress,
        telemetry: Telemetry,
        _ makeStub: (GRPCConnection) -> Stub
    ) throws -> GuardedClient<Stub> {
        let prefix = "CONTRAIL_\(name.uppercased())"
        let target = address("\(prefix)_TARGET", default: fallback, "the \(name) service")
        let configuration = resilience(
            prefix,
            "it",
            default: ResilienceConfiguration(callTimeout: .seconds(2), attemptTimeout: .seconds(1))
        )
        return try GuardedClient(
            name,
            target: target,
            configuration: configuration,
            telemetry: telemetry,
            makeStub
        )
    }
}

extension BackgroundWork {
    /// Keeps a client connected.
    public static func client<Stub>(_ name: String, _ client: GuardedClient<Stub>) -> BackgroundWork {
        BackgroundWork(name, start: .atOnce) {
            try await client.run()
        } beginShutdown: {
            client.beginGracefulShutdown()
        }
    }

    /// Keeps NATS connected.
    public static func broker(_ broker: MessageBroker) -> BackgroundWork {
        BackgroundWork("NATS connection", start: .atOnce) {
            try await broker.run()
        } beginShutdown: {
            broker.beginShutdown()
        }
    }
}

extension Dependency {
    /// Asks whether NATS is connected.
    ///
    /// - Parameters:
    ///   - broker: The connection.
    ///   - isNeededForCalls: Whether calls fail without it. Behind an outbox they do not.
    public static func broker(_ broker: MessageBroker, isNeededForCalls: Bool = true) -> Dependency {
        Dependency("nats", isNeededForCalls: isNeededForCalls) { try await broker.check() }
    }
}

extension Preparation {
    /// How many days a dead letter is kept. Inboxes must remember events for longer.
    public static let deadLetterDays = 30

    /// Declares streams of the catalogue, and that of the dead letters.
    public static func streams(
        _ streams: [EventStreamName],
        broker: MessageBroker,
        replicas: Int
    ) -> Preparation {
        Preparation("streams") {
            for stream in streams {
                let declaration = EventStreamDeclaration(
                    name: stream.rawValue,
                    subjects: stream.subjects,
                    retention: stream == .deadLetters
                        ? .limits(maximumAge: .seconds(deadLetterDays * 86400)) : .workQueue
                )
                try await broker.ensure(declaration, replicas: replicas)
            }
        }
    }
}
