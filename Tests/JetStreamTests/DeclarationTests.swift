import Testing

@testable import JetStream

@Suite("Declarations")
struct DeclarationTests {
    private static let queue = StreamTests.orders

    private static func stream(_ change: (inout StreamConfiguration) -> Void) -> StreamConfiguration {
        var configuration = queue
        change(&configuration)
        return configuration
    }

    private static func consumer(_ change: (inout ConsumerConfiguration) -> Void) -> ConsumerConfiguration {
        var configuration = ConsumerConfiguration(durableName: "n")
        change(&configuration)
        return configuration
    }

    private static let wrongStreams: [(StreamConfiguration, String)] = [
        (stream { $0.maxAge = .seconds(60) }, "maxAge 60.0 seconds"),
        (stream { $0.discard = .old }, "discard 'old'"),
        (stream { $0.subjects = ["order.*", "order.paid"] }, "'order.*' and 'order.paid' overlap"),
        (stream { $0.maxBytes = 1024 }, "maxMessageSize 262144 is larger than maxBytes 1024"),
        (stream { $0.replicas = 9 }, "replicas is 9"),
        (
            stream {
                $0.retention = .limits
                $0.maxAge = .seconds(60)
            }, "duplicateWindow 120.0 seconds is longer than maxAge 60.0 seconds"
        ),
    ]

    @Test("a stream that loses messages is refused before anything is asked, with the values", arguments: wrongStreams)
    func streams(configuration: StreamConfiguration, reason: String) throws {
        let error = #expect(throws: JetStreamError.self) { try configuration.validate() }
        #expect(error?.kind == .invalidDeclaration)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        try Self.queue.validate()
    }

    private static let wrongConsumers: [(ConsumerConfiguration, String)] = [
        (
            consumer {
                $0.ackWait = .seconds(5)
                $0.backoff = [.seconds(30)]
            }, "ackWait 5.0 seconds is shorter than its backoff: the first entry, 30.0 seconds"
        ),
        (
            consumer {
                $0.ackWait = .seconds(30)
                $0.backoff = [.milliseconds(100)]
            }, "0.1 seconds, takes the place of ackWait 30.0 seconds"
        ),
        (
            consumer {
                $0.backoff = [.seconds(1), .seconds(2), .seconds(3)]
                $0.maxDeliver = 2
            }, "3 entries, more than the 2 deliveries"
        ),
        (
            consumer {
                $0.ackPolicy = .none
                $0.backoff = [.seconds(1)]
            }, "explicit acknowledgement, not 'none'"
        ),
        (consumer { $0.filterSubjects = ["a.>", "a.b"] }, "'a.>' and 'a.b' overlap"),
        (consumer { $0.ackWait = .zero }, "ackWait"),
        (consumer { $0.maxDeliver = 0 }, "maxDeliver is 0"),
    ]

    @Test("a consumer that contradicts itself is refused with both values", arguments: wrongConsumers)
    func consumers(configuration: ConsumerConfiguration, reason: String) {
        let error = #expect(throws: JetStreamError.self) { try configuration.validate() }
        #expect(error?.kind == .invalidDeclaration)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test("a work queue refuses a consumer that acknowledges nothing, starts late, or overlaps with another one")
    func workQueue() throws {
        func reason(
            filters: [String] = ["order.created"],
            ackPolicy: ConsumerConfiguration.AckPolicy = .explicit,
            deliverPolicy: ConsumerConfiguration.DeliverPolicy = .all,
            others: [ConsumerConfiguration] = []
        ) -> String {
            let configuration = ConsumerConfiguration(
                durableName: "n",
                filterSubjects: filters,
                ackPolicy: ackPolicy,
                deliverPolicy: deliverPolicy
            )
            do {
                try configuration.validate(on: Self.queue, beside: others)
                return ""
            } catch {
                return "\(error)"
            }
        }
        #expect(reason() == "")
        #expect(reason(ackPolicy: .none).contains("needs explicit acknowledgement, not 'none'"))
        #expect(reason(deliverPolicy: .new).contains("needs deliver policy 'all', not 'new'"))
        #expect(reason(filters: ["user.*"]).contains("keeps only order.created, order.paid"))
        let everything = ConsumerConfiguration(durableName: "all")
        #expect(reason(others: [everything]).contains("'order.created' overlaps with '>' of consumer 'all'"))
        let wildcard = ConsumerConfiguration(durableName: "w", filterSubjects: ["*.created"])
        #expect(reason(others: [wildcard]).contains("'*.created' of consumer 'w'"))
        let other = ConsumerConfiguration(durableName: "o", filterSubjects: ["order.paid"])
        #expect(reason(others: [other, ConsumerConfiguration(durableName: "n")]) == "")
    }

    @Test("a server's refusals of the same get the same kind and a way out")
    func serverCodes() {
        for (code, hint) in [
            (10099, "other filter subjects"), (10100, "other filter subjects"), (10084, "explicit"), (10101, "'all'"),
        ] {
            let error = APIErrorBody(code: 400, errorCode: code, description: "no").error("create a consumer")
            #expect(error.kind == .invalidDeclaration)
            #expect(error.message.contains(hint))
        }
    }

    @Test("subjects overlap when one message could match both")
    func overlap() {
        for (one, other, expected) in [
            ("a.b", "a.b", true), ("a.*", "*.b", true), ("a.>", "a.b.c", true), (">", "a", true), ("a.b", "a.c", false),
            ("a.*", "a", false), ("a.>", "a", false), ("a.*.c", "a.b.*", true), ("a.b", "a.b.c", false),
        ] {
            #expect(Subjects.overlap(one, other) == expected, "\(one) \(other)")
            #expect(Subjects.overlap(other, one) == expected, "\(other) \(one)")
        }
        #expect(Subjects.matches("a.>", "a.b.c"))
        #expect(!Subjects.matches("a.>", "a"))
        #expect(!Subjects.matches("a.*", "a.b.c"))
    }

    @Test("a plan says what would be done, and does nothing")
    func plan() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = JetStreamContext(connection)
                #expect(try await jetStream.planStream(Self.queue).action == .create)
                let missing = try await failure(JetStreamError.self) { _ = try await jetStream.streamInfo("ORDERS") }
                #expect(missing.kind == .streamNotFound)
                try await jetStream.ensureStream(Self.queue)
                #expect(try await jetStream.planStream(Self.queue).action == .keep)
                var wider = Self.queue
                wider.subjects.append("order.shipped")
                let update = try await jetStream.planStream(wider)
                #expect(update.action == .update)
                #expect(update.description.contains("~ subjects is ["))
                wider.storage = .memory
                let refused = try await jetStream.planStream(wider)
                #expect(refused.action == .refuse)
                #expect(refused.description.contains(#"! storage is "file", wanted "memory""#))
                #expect(try await jetStream.streamInfo("ORDERS").configuration.subjects == Self.queue.subjects)

                var consumer = ConsumerConfiguration(durableName: "n", ackWait: .seconds(30))
                #expect(try await jetStream.planConsumer(consumer, on: "ORDERS").action == .create)
                try await jetStream.ensureConsumer(consumer, on: "ORDERS")
                consumer.ackWait = .seconds(60)
                #expect(try await jetStream.planConsumer(consumer, on: "ORDERS").action == .update)
                #expect(
                    try await jetStream.consumerInfo(stream: "ORDERS", consumer: "n").configuration.ackWait
                        == .seconds(30)
                )
                let overlap = try await failure(JetStreamError.self) {
                    let two = ConsumerConfiguration(durableName: "two", filterSubjects: ["order.paid"])
                    _ = try await jetStream.planConsumer(two, on: "ORDERS")
                }
                #expect(overlap.kind == .invalidDeclaration)
            }
        }
    }
}
