import Testing

@testable import JetStream

@Suite("Streams and publishing")
struct StreamTests {
    static let orders = StreamConfiguration(
        name: "ORDERS",
        subjects: ["order.created", "order.paid"],
        retention: .workQueue,
        discard: .new,
        maxMessageSize: 256 * 1024,
        duplicateWindow: .seconds(120),
        replicas: 1,
        allowAtomic: true,
        metadata: ["owner": "orders"]
    )

    @Test("a publish is acknowledged once, and its repetition is recognised by the message id")
    func publish() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = JetStreamContext(connection)
                let info = try await jetStream.ensureStream(Self.orders)
                #expect(info.configuration.retention == .workQueue)
                #expect(info.configuration.duplicateWindow == .seconds(120))
                #expect(info.configuration.allowAtomic == true)

                let first = try await jetStream.publish(
                    subject: "order.created",
                    headers: ["Traceparent": "00-1-2-01"],
                    payload: "one".bytes,
                    messageID: "m1",
                    expectedStream: "ORDERS"
                )
                #expect(first == PublishAcknowledgement(stream: "ORDERS", sequence: 1))
                let again = try await jetStream.publish(
                    subject: "order.created",
                    payload: "one".bytes,
                    messageID: "m1"
                )
                #expect(again == PublishAcknowledgement(stream: "ORDERS", sequence: 1, isDuplicate: true))

                let stored = try await jetStream.getMessage(stream: "ORDERS", sequence: 1)
                #expect(stored.message.payload == "one".bytes)
                #expect(stored.message.headers["traceparent"] == "00-1-2-01")
                #expect(stored.message.headers["Nats-Msg-Id"] == "m1")
                #expect(try await jetStream.streamInfo("ORDERS").state.messages == 1)
                #expect(try await jetStream.purge("ORDERS") == 1)
                let missing = try await failure(JetStreamError.self) {
                    _ = try await jetStream.getMessage(stream: "ORDERS", sequence: 1)
                }
                #expect(missing.kind == .messageNotFound)
            }
        }
    }

    @Test("errors of the API keep their codes")
    func apiErrors() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = JetStreamContext(connection)
                let missing = try await failure(JetStreamError.self) { _ = try await jetStream.streamInfo("NONE") }
                #expect(missing.kind == .streamNotFound)
                #expect(missing.code == 404)
                #expect(missing.errorCode == 10059)
                _ = try await jetStream.ensureStream(Self.orders)
                let wrong = try await failure(JetStreamError.self) {
                    _ = try await jetStream.publish(
                        subject: "order.created",
                        payload: [],
                        expectedStream: "OTHER"
                    )
                }
                #expect(wrong.errorCode == 10060)
                let nobody = try await failure {
                    _ = try await jetStream.publish(subject: "nothing", payload: [], timeout: .seconds(30))
                }
                #expect(nobody.code == .noResponders)
                try await jetStream.deleteStream("ORDERS")
                #expect(
                    try await failure(JetStreamError.self) { _ = try await jetStream.streamInfo("ORDERS") }.kind
                        == .streamNotFound
                )
            }
        }
    }

    @Test("an equal stream is left alone, a safe difference is applied, another one is refused with both values")
    func ensureStream() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = JetStreamContext(connection)
                _ = try await jetStream.ensureStream(Self.orders)
                _ = try await jetStream.ensureStream(Self.orders)

                var wider = Self.orders
                wider.subjects = ["order.shipped", "order.paid", "order.created"]
                wider.maxMessageSize = 512 * 1024
                wider.description = "orders"
                let info = try await jetStream.ensureStream(wider)
                #expect(Set(info.configuration.subjects) == Set(wider.subjects))
                #expect(info.configuration.description == "orders")
                #expect(info.configuration.retention == .workQueue)

                var other = Self.orders
                other.retention = .limits
                other.maxAge = .seconds(600)
                let error = try await failure(JetStreamError.self) { _ = try await jetStream.ensureStream(other) }
                #expect(error.kind == .configurationConflict)
                for part in [
                    #"retention is "workqueue", wanted "limits""#, "max_age is 0, wanted 600000000000", "subjects is [",
                    "max_msg_size is 524288, wanted 262144",
                ] {
                    #expect(error.message.contains(part), "\(error.message)")
                }
            }
        }
    }

    @Test("a consumer is created, updated when that is safe, and refused otherwise")
    func ensureConsumer() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = JetStreamContext(connection)
                _ = try await jetStream.ensureStream(Self.orders)
                var configuration = ConsumerConfiguration(
                    durableName: "notifications",
                    filterSubjects: ["order.created"],
                    ackWait: .seconds(30),
                    maxDeliver: 5,
                    backoff: [.seconds(30), .seconds(60)],
                    maxAckPending: 64,
                    metadata: ["owner": "notifications"]
                )
                var info = try await jetStream.ensureConsumer(configuration, on: "ORDERS")
                #expect(info.configuration.filterSubjects == ["order.created"])
                #expect(info.configuration.backoff == [.seconds(30), .seconds(60)])
                #expect(info.pending == 0)
                _ = try await jetStream.ensureConsumer(configuration, on: "ORDERS")

                configuration.maxAckPending = 128
                info = try await jetStream.ensureConsumer(configuration, on: "ORDERS")
                #expect(info.configuration.maxAckPending == 128)

                configuration.filterSubjects = ["order.paid"]
                let error = try await failure(JetStreamError.self) {
                    _ = try await jetStream.ensureConsumer(configuration, on: "ORDERS")
                }
                #expect(error.kind == .configurationConflict)
                #expect(error.message.contains(#"filter_subject is "order.created", wanted "order.paid""#))

                let two = ConsumerConfiguration(durableName: "two", filterSubjects: ["order.paid", "order.created"])
                let overlap = try await failure(JetStreamError.self) {
                    _ = try await jetStream.ensureConsumer(two, on: "ORDERS")
                }
                #expect(overlap.kind == .invalidDeclaration)
                try await jetStream.deleteConsumer(stream: "ORDERS", consumer: "notifications")
                _ = try await jetStream.ensureConsumer(two, on: "ORDERS")
                _ = try await jetStream.ensureConsumer(two, on: "ORDERS")
            }
        }
    }

    @Test("the common form of an acknowledgement is read like the JSON decoder reads it")
    func commonForm() {
        let common = #"{"stream":"ORDERS", "seq":18446744073}"#.bytes.withUnsafeBytes {
            PublishAcknowledgement(commonForm: $0)
        }
        #expect(common == PublishAcknowledgement(stream: "ORDERS", sequence: 18_446_744_073))
        for other in [
            #"{"stream":"A", "seq":1,"duplicate": true}"#, #"{"error":{"code":400}}"#, #"{"stream":"A""#, "", "{",
            #"{"stream":"A\"", "seq":1}"#, #"{"stream":"A", "seq":}"#, #"{"stream":"A", "seq":99999999999999999999}"#,
        ] {
            #expect(other.bytes.withUnsafeBytes { PublishAcknowledgement(commonForm: $0) } == nil, "\(other)")
        }
    }
}
