import JetStream
import Testing

/// The brokers that must behave the same.
enum BrokerKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, server

    var testDescription: String { rawValue }

    /// Runs `body` with a broker that has no streams.
    func with(_ body: (any JetStreamBroker) async throws -> Void) async throws {
        switch self {
        case .memory:
            try await body(InMemoryJetStream())
        case .server:
            try await TestNATSServer.with { server in
                try await server.withConnection { try await body(JetStreamContext($0)) }
            }
        }
    }
}

/// What every broker does. Nothing here knows which one it talks to.
@Suite("A broker, in memory or a server")
struct BrokerConformanceTests {
    static let deadLetters = StreamConfiguration(name: "DEAD_LETTERS", subjects: ["dead.>"], maxAge: .seconds(3600))

    private func setUp(
        _ broker: any JetStreamBroker,
        ackWait: Duration = .seconds(30),
        maxDeliver: Int? = nil,
        maxAckPending: Int = 100
    ) async throws -> PullConsumer {
        _ = try await broker.ensureStream(StreamTests.orders)
        _ = try await broker.ensureConsumer(
            ConsumerConfiguration(
                durableName: "n",
                ackWait: ackWait,
                maxDeliver: maxDeliver,
                maxAckPending: maxAckPending
            ),
            on: "ORDERS"
        )
        return try broker.messages(stream: "ORDERS", consumer: "n")
    }

    @discardableResult
    private func publish(
        _ broker: any JetStreamBroker,
        _ id: String,
        subject: String = "order.created"
    ) async throws -> PublishAcknowledgement {
        try await broker.publish(
            subject: subject,
            headers: ["traceparent": "00-\(id)"],
            payload: id.bytes,
            messageID: id,
            expectedStream: "ORDERS"
        )
    }

    @Test(
        "delivers what was published, once and in order, and a work queue forgets what is acknowledged",
        arguments: BrokerKind.allCases
    )
    func workQueue(kind: BrokerKind) async throws {
        try await kind.with { broker in
            let consumer = try await setUp(broker)
            for number in 1...5 {
                let stored = try await publish(
                    broker,
                    "m\(number)",
                    subject: number == 3 ? "order.paid" : "order.created"
                )
                #expect(stored == PublishAcknowledgement(stream: "ORDERS", sequence: UInt64(number)))
            }
            for number in 1...5 {
                let message = try #require(try await consumer.next())
                #expect(message.payload == "m\(number)".bytes)
                #expect(message.subject == (number == 3 ? "order.paid" : "order.created"))
                #expect(message.headers["traceparent"] == "00-m\(number)")
                #expect(message.headers["Nats-Msg-Id"] == "m\(number)")
                #expect(message.metadata.stream == "ORDERS")
                #expect(message.metadata.consumer == "n")
                #expect(message.metadata.deliveryCount == 1)
                #expect(message.metadata.streamSequence == UInt64(number))
                #expect(message.metadata.consumerSequence == UInt64(number))
                #expect(message.metadata.timestamp > 1_700_000_000_000_000_000)
                try await message.ackSync()
            }
            let state = try await broker.streamInfo("ORDERS").state
            #expect(state.messages == 0)
            #expect(state.lastSequence == 5)
            let info = try await broker.consumerInfo(stream: "ORDERS", consumer: "n")
            #expect(info.ackPending == 0)
            #expect(info.pending == 0)
            #expect(info.delivered.consumerSequence == 5)
            #expect(info.ackFloor.streamSequence == 5)
            consumer.stop()
            #expect(try await consumer.next() == nil)
        }
    }

    @Test("recognises a repetition by its id, also after the message was acknowledged", arguments: BrokerKind.allCases)
    func duplicates(kind: BrokerKind) async throws {
        try await kind.with { broker in
            let consumer = try await setUp(broker)
            #expect(try await publish(broker, "a").isDuplicate == false)
            #expect(
                try await publish(broker, "a")
                    == PublishAcknowledgement(stream: "ORDERS", sequence: 1, isDuplicate: true)
            )
            try await consumer.next()?.ackSync()
            #expect(try await publish(broker, "a").isDuplicate)
            #expect(try await publish(broker, "b").sequence == 2)
            #expect(try await broker.streamInfo("ORDERS").state.messages == 1)
        }
    }

    @Test("refuses a message that no stream, or another stream, stores", arguments: BrokerKind.allCases)
    func refusals(kind: BrokerKind) async throws {
        try await kind.with { broker in
            _ = try await setUp(broker)
            let nobody = try await failure {
                _ = try await broker.publish(subject: "nothing", payload: [], timeout: .seconds(2))
            }
            #expect(nobody.code == .noResponders)
            let wrong = try await failure(JetStreamError.self) {
                _ = try await broker.publish(subject: "order.paid", payload: [], expectedStream: "OTHER")
            }
            #expect(wrong.kind == .messageRefused)
            #expect(wrong.errorCode == 10060)
            let large = try await failure(JetStreamError.self) {
                let payload = [UInt8](repeating: 0, count: 300 * 1024)
                _ = try await broker.publish(subject: "order.paid", payload: payload)
            }
            #expect(large.errorCode == 10054)
            #expect(try await broker.streamInfo("ORDERS").state.lastSequence == 0)
        }
    }

    @Test("a full stream that discards what is new refuses it", arguments: BrokerKind.allCases)
    func full(kind: BrokerKind) async throws {
        try await kind.with { broker in
            var configuration = StreamTests.orders
            configuration.maxMessages = 2
            _ = try await broker.ensureStream(configuration)
            try await publish(broker, "1")
            try await publish(broker, "2")
            let error = try await failure(JetStreamError.self) { try await publish(broker, "3") }
            #expect(error.kind == .messageRefused)
            #expect(error.errorCode == 10077)
        }
    }

    @Test(
        "delivers again after a negative acknowledgement, not before its delay, with the next count",
        arguments: BrokerKind.allCases
    )
    func nak(kind: BrokerKind) async throws {
        try await kind.with { broker in
            let consumer = try await setUp(broker)
            try await publish(broker, "a")
            let first = try #require(try await consumer.next())
            let start = ContinuousClock.now
            try first.nak(delay: .milliseconds(200))
            let second = try #require(try await consumer.next())
            #expect(ContinuousClock.now - start >= .milliseconds(190))
            #expect(second.metadata.deliveryCount == 2)
            #expect(second.metadata.streamSequence == 1)
            #expect(second.metadata.consumerSequence == 2)
            #expect(try await broker.consumerInfo(stream: "ORDERS", consumer: "n").redelivered == 1)
            try await second.ackSync()
            #expect(try await broker.consumerInfo(stream: "ORDERS", consumer: "n").redelivered == 0)
        }
    }

    @Test(
        "delivers again what nobody answers for, unless its handler says that it is at work",
        arguments: BrokerKind.allCases
    )
    func ackWait(kind: BrokerKind) async throws {
        try await kind.with { broker in
            let consumer = try await setUp(broker, ackWait: .milliseconds(1500))
            try await publish(broker, "a")
            let start = ContinuousClock.now
            let first = try #require(try await consumer.next())
            for _ in 0..<4 {
                try await Task.sleep(for: .milliseconds(500))
                try first.inProgress()
            }
            let second = try #require(try await consumer.next())
            #expect(ContinuousClock.now - start >= .milliseconds(3400))
            #expect(second.metadata.deliveryCount == 2)
            try await second.ackSync()
        }
    }

    @Test("counts the messages that were stored since an instant", arguments: BrokerKind.allCases)
    func countSince(kind: BrokerKind) async throws {
        try await kind.with { broker in
            var configuration = StreamTests.orders
            configuration.allowDirect = true
            _ = try await broker.ensureStream(configuration)
            #expect(try await broker.countMessages(stream: "ORDERS", since: 0) == 0)
            for id in ["a", "b", "c"] { try await publish(broker, id) }
            let second = try await broker.getMessage(stream: "ORDERS", sequence: 2).timestamp
            let third = try await broker.getMessage(stream: "ORDERS", sequence: 3).timestamp
            #expect(try await broker.countMessages(stream: "ORDERS", since: 0) == 3)
            #expect(try await broker.countMessages(stream: "ORDERS", since: third + 3_600_000_000_000) == 0)
            // Two messages of one instant count both.
            let expected: UInt64 = second == third ? 2 : 1
            #expect(try await broker.countMessages(stream: "ORDERS", since: third) >= expected)
        }
    }

    @Test("a late acknowledgement of an earlier delivery counts", arguments: BrokerKind.allCases)
    func lateAcknowledgement(kind: BrokerKind) async throws {
        try await kind.with { broker in
            let consumer = try await setUp(broker)
            try await publish(broker, "a")
            let first = try #require(try await consumer.next())
            try first.nak(delay: .zero)
            _ = try #require(try await consumer.next())
            try await first.ackSync()
            #expect(try await broker.streamInfo("ORDERS").state.messages == 0)
        }
    }

    @Test("a terminated message is gone, and the advisory about it is captured", arguments: BrokerKind.allCases)
    func terminate(kind: BrokerKind) async throws {
        try await kind.with { broker in
            _ = try await broker.ensureStream(.advisories())
            let consumer = try await setUp(broker)
            try await publish(broker, "a")
            try await consumer.next()?.terminateSync(reason: "poison")
            #expect(try await broker.streamInfo("ORDERS").state.messages == 0)
            try await eventually("the advisory is stored") {
                try await broker.streamInfo("ADVISORIES").state.messages == 1
            }
            let stored = try await broker.lastMessage(stream: "ADVISORIES", subject: ">")
            let advisory = try ConsumerAdvisory(payload: stored.message.payload)
            #expect(advisory.event == .terminated(reason: "poison"))
            #expect(advisory.stream == "ORDERS")
            #expect(advisory.consumer == "n")
            #expect(advisory.streamSequence == 1)
            #expect(advisory.deliveries == 1)
            #expect(!advisory.id.isEmpty)
            #expect(abs(advisory.timestamp - stored.timestamp) < 5_000_000_000)
        }
    }

    @Test(
        "a message past its last delivery is stuck: stored, and neither pending nor worked on",
        arguments: BrokerKind.allCases
    )
    func maximumDeliveries(kind: BrokerKind) async throws {
        try await kind.with { broker in
            _ = try await broker.ensureStream(.advisories())
            let consumer = try await setUp(broker, ackWait: .milliseconds(300), maxDeliver: 2)
            try await publish(broker, "a")
            for _ in 1...2 {
                try await consumer.next()?.nak(delay: .zero)
            }
            let reader = Task { try await consumer.next() }
            try await eventually("the advisory is stored") {
                try await broker.streamInfo("ADVISORIES").state.messages == 1
            }
            reader.cancel()
            #expect(try await reader.value == nil)
            let stored = try await broker.getMessage(stream: "ADVISORIES", sequence: 1)
            #expect(stored.message.subject == "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.ORDERS.n")
            let advisory = try ConsumerAdvisory(payload: stored.message.payload)
            #expect(advisory.event == .maximumDeliveries)
            #expect(advisory.deliveries == 2)
            let lag = try await broker.lag(stream: "ORDERS", consumer: "n")
            #expect(lag.pending == 0)
            #expect(lag.ackPending == 0)
            #expect(lag.stored == 1)
            #expect(lag.stuck == 1)
        }
    }

    @Test("holds back what is new while too much is unacknowledged", arguments: BrokerKind.allCases)
    func maxAckPending(kind: BrokerKind) async throws {
        try await kind.with { broker in
            let consumer = try await setUp(broker, maxAckPending: 2)
            for number in 1...3 { try await publish(broker, "m\(number)") }
            let first = try #require(try await consumer.next())
            _ = try #require(try await consumer.next())
            let third = Task { try await consumer.next() }
            try await Task.sleep(for: .milliseconds(200))
            let lag = try await broker.lag(stream: "ORDERS", consumer: "n")
            #expect(lag.pending == 1)
            #expect(lag.ackPending == 2)
            #expect(lag.stuck == 0)
            #expect(lag.oldestTimestamp == first.metadata.timestamp)
            try first.ack()
            #expect(try await third.value?.metadata.streamSequence == 3)
        }
    }

    @Test("publishes a batch whole or not at all", arguments: BrokerKind.allCases)
    func batch(kind: BrokerKind) async throws {
        try await kind.with { broker in
            _ = try await setUp(broker)
            func batch(_ ids: [String]) -> [NATSMessage] {
                ids.map { NATSMessage(subject: "order.paid", headers: ["Nats-Msg-Id": $0], payload: $0.bytes) }
            }
            let stored = try await broker.publishBatch(
                batch((1...1000).map { "m\($0)" }),
                expectedStream: "ORDERS",
                timeout: .seconds(10)
            )
            #expect(stored == BatchAcknowledgement(stream: "ORDERS", lastSequence: 1000, count: 1000))
            let first = try await broker.getMessage(stream: "ORDERS", sequence: 1)
            #expect(first.message.payload == "m1".bytes)
            #expect(first.message.headers["Nats-Msg-Id"] == "m1")

            let repeated = try await failure(JetStreamError.self) {
                _ = try await broker.publishBatch(batch(["x", "m5", "y"]), expectedStream: nil, timeout: .seconds(5))
            }
            #expect(repeated.kind == .batchDuplicate)
            #expect(try await broker.streamInfo("ORDERS").state.lastSequence == 1000)
            // The others of the refused batch were not stored, and their ids are not taken.
            #expect(try await publish(broker, "x") == PublishAcknowledgement(stream: "ORDERS", sequence: 1001))

            let empty = try await failure {
                _ = try await broker.publishBatch([], expectedStream: nil, timeout: .seconds(5))
            }
            #expect(empty.code == .invalidArgument)
            _ = try await broker.ensureStream(Self.deadLetters)
            let disabled = try await failure(JetStreamError.self) {
                let messages = [NATSMessage(subject: "dead.a"), NATSMessage(subject: "dead.b")]
                _ = try await broker.publishBatch(messages, expectedStream: nil, timeout: .seconds(5))
            }
            #expect(disabled.kind == .batchRefused)
            #expect(try await broker.streamInfo("DEAD_LETTERS").state.lastSequence == 0)
        }
    }

    @Test(
        "lets stored messages be read, found by subject, iterated and deleted without a consumer",
        arguments: BrokerKind.allCases
    )
    func storedMessages(kind: BrokerKind) async throws {
        try await kind.with { broker in
            _ = try await broker.ensureStream(Self.deadLetters)
            for number in 1...6 {
                _ = try await broker.publish(
                    subject: number.isMultiple(of: 2) ? "dead.ORDERS.n" : "dead.USERS.n",
                    headers: ["Contrail-Dead-Reason": "undecodable"],
                    payload: "\(number)".bytes,
                    messageID: "d\(number)"
                )
            }
            try await broker.deleteMessage(stream: "DEAD_LETTERS", sequence: 4, erases: false)
            let missing = try await failure(JetStreamError.self) {
                try await broker.deleteMessage(stream: "DEAD_LETTERS", sequence: 4, erases: false)
            }
            #expect([JetStreamError.Kind.messageNotFound, .api].contains(missing.kind))
            #expect(
                try await failure(JetStreamError.self) {
                    _ = try await broker.getMessage(stream: "DEAD_LETTERS", sequence: 4)
                }.kind == .messageNotFound
            )

            let last = try await broker.lastMessage(stream: "DEAD_LETTERS", subject: "dead.ORDERS.*")
            #expect(last.sequence == 6)
            #expect(last.message.headers["Contrail-Dead-Reason"] == "undecodable")
            #expect(last.timestamp > 1_700_000_000_000_000_000)
            #expect(
                try await broker.nextMessage(stream: "DEAD_LETTERS", subject: "dead.ORDERS.>", from: 3)?.sequence == 6
            )
            #expect(try await broker.nextMessage(stream: "DEAD_LETTERS", subject: "dead.OTHER.>", from: 1) == nil)

            var seen: [UInt64] = []
            for try await message in broker.storedMessages(stream: "DEAD_LETTERS") { seen.append(message.sequence) }
            #expect(seen == [1, 2, 3, 5, 6])
            seen = []
            for try await message in broker.storedMessages(stream: "DEAD_LETTERS", subject: "dead.ORDERS.>", from: 2) {
                seen.append(message.sequence)
            }
            #expect(seen == [2, 6])

            let counts = try await broker.streamInfo("DEAD_LETTERS", subjects: "dead.>").state.subjects
            #expect(counts == ["dead.ORDERS.n": 2, "dead.USERS.n": 3])
            #expect(try await broker.purge("DEAD_LETTERS", subject: "dead.USERS.n") == 3)
            #expect(try await broker.streamInfo("DEAD_LETTERS").state.messages == 2)
        }
    }

    @Test(
        "a consumer of a stream with limits reads its subjects only, and the stream keeps them",
        arguments: BrokerKind.allCases
    )
    func filters(kind: BrokerKind) async throws {
        try await kind.with { broker in
            _ = try await broker.ensureStream(Self.deadLetters)
            _ = try await broker.ensureConsumer(
                ConsumerConfiguration(durableName: "orders", filterSubjects: ["dead.ORDERS.*"]),
                on: "DEAD_LETTERS"
            )
            for subject in ["dead.ORDERS.a", "dead.USERS.a", "dead.ORDERS.b"] {
                _ = try await broker.publish(subject: subject, payload: [])
            }
            #expect(try await broker.consumerInfo(stream: "DEAD_LETTERS", consumer: "orders").pending == 2)
            let consumer = try broker.messages(stream: "DEAD_LETTERS", consumer: "orders")
            for sequence in [1, 3] as [UInt64] {
                let message = try #require(try await consumer.next())
                #expect(message.metadata.streamSequence == sequence)
                try await message.ackSync()
            }
            #expect(try await broker.streamInfo("DEAD_LETTERS").state.messages == 3)
        }
    }

    @Test(
        "a declaration is created once, kept, updated where that is safe, and refused with both values",
        arguments: BrokerKind.allCases
    )
    func declarations(kind: BrokerKind) async throws {
        try await kind.with { broker in
            _ = try await setUp(broker)
            _ = try await setUp(broker)
            var stream = StreamTests.orders
            stream.maxMessageSize = 512 * 1024
            #expect(try await broker.ensureStream(stream).configuration.maxMessageSize == 512 * 1024)
            stream.maxMessageSize = 1024
            let smaller = try await failure(JetStreamError.self) { _ = try await broker.ensureStream(stream) }
            #expect(smaller.kind == .configurationConflict)
            #expect(smaller.message.contains("max_msg_size is 524288, wanted 1024"))

            var consumer = ConsumerConfiguration(durableName: "n", ackWait: .seconds(30), maxAckPending: 200)
            #expect(try await broker.ensureConsumer(consumer, on: "ORDERS").configuration.maxAckPending == 200)
            consumer.filterSubjects = ["order.paid"]
            let filtered = try await failure(JetStreamError.self) {
                _ = try await broker.ensureConsumer(consumer, on: "ORDERS")
            }
            #expect(filtered.kind == .configurationConflict)

            let second = try await failure(JetStreamError.self) {
                let two = ConsumerConfiguration(durableName: "two", filterSubjects: ["order.*"])
                _ = try await broker.ensureConsumer(two, on: "ORDERS")
            }
            #expect(second.kind == .invalidDeclaration)
            #expect(second.message.contains("consumer 'n'"))
            let nowhere = try await failure(JetStreamError.self) {
                _ = try await broker.ensureConsumer(ConsumerConfiguration(durableName: "x"), on: "NONE")
            }
            #expect(nowhere.kind == .streamNotFound)
            let unknown = try await failure(JetStreamError.self) {
                _ = try await broker.consumerInfo(stream: "ORDERS", consumer: "unknown")
            }
            #expect(unknown.kind == .consumerNotFound)
        }
    }

    @Test("shares the messages of one consumer among its readers", arguments: BrokerKind.allCases)
    func sharing(kind: BrokerKind) async throws {
        try await kind.with { broker in
            let one = try await setUp(broker)
            let two = try broker.messages(stream: "ORDERS", consumer: "n")
            let seen = try await withThrowingTaskGroup(of: [UInt64].self) { group in
                for consumer in [one, two] {
                    group.addTask {
                        var seen: [UInt64] = []
                        while let message = try await consumer.next() {
                            seen.append(message.metadata.streamSequence)
                            try await message.ackSync()
                        }
                        return seen
                    }
                }
                for number in 1...40 { try await publish(broker, "m\(number)") }
                try await eventually("all are acknowledged") {
                    try await broker.streamInfo("ORDERS").state.messages == 0
                }
                one.stop()
                two.stop()
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(seen.sorted() == Array(1...40))
        }
    }
}
