import Foundation
import Logging
import Synchronization
import Testing

@testable import JetStream

@Suite("A pull consumer")
struct PullConsumerTests {
    static func setUp(
        _ connection: NATSConnection,
        ackWait: Duration = .seconds(30)
    ) async throws -> JetStreamContext {
        let jetStream = JetStreamContext(connection)
        _ = try await jetStream.ensureStream(StreamTests.orders)
        _ = try await jetStream.ensureConsumer(
            ConsumerConfiguration(durableName: "n", ackWait: ackWait, maxAckPending: 1000),
            on: "ORDERS"
        )
        return jetStream
    }

    /// Publishes numbered messages, up to 256 at a time.
    static func publish(_ numbers: Range<Int>, _ jetStream: JetStreamContext) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            for number in numbers {
                if running == 256 { try await group.next() } else { running += 1 }
                group.addTask {
                    _ = try await jetStream.publish(
                        subject: "order.created",
                        payload: "\(number)".bytes,
                        messageID: "m\(number)"
                    )
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("receives ten thousand messages once each and in the order of the stream")
    func inOrder() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = try await Self.setUp(connection)
                let count = 10_000
                async let published: Void = Self.publish(0..<count, jetStream)
                let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n")
                var expected: UInt64 = 1
                var seen: Set<[UInt8]> = []
                for try await message in consumer {
                    #expect(message.metadata.streamSequence == expected)
                    #expect(message.metadata.deliveryCount == 1)
                    seen.insert(message.payload)
                    try message.ack()
                    expected += 1
                    if expected > count { break }
                }
                try await published
                #expect(seen.count == count)
                try await eventually("all are acknowledged") {
                    try await jetStream.consumerInfo(stream: "ORDERS", consumer: "n").ackFloor.streamSequence == count
                }
                consumer.stop()
                #expect(try await consumer.next() == nil)
                #expect(try await jetStream.streamInfo("ORDERS").state.messages == 0)
            }
        }
    }

    @Test("delivers a message again after a negative acknowledgement, later and with the next count")
    func redelivery() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = try await Self.setUp(connection)
                let before = Int64(Date().timeIntervalSince1970 * 1e9)
                try await Self.publish(0..<1, jetStream)
                let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n")
                let first = try #require(try await consumer.next())
                #expect(first.metadata.deliveryCount == 1)
                #expect(first.metadata.stream == "ORDERS")
                #expect(first.metadata.consumer == "n")
                #expect(abs(first.metadata.timestamp - before) < 5_000_000_000)
                let start = ContinuousClock.now
                try first.nak(delay: .milliseconds(300))
                let second = try #require(try await consumer.next())
                #expect(ContinuousClock.now - start >= .milliseconds(290))
                #expect(second.metadata.deliveryCount == 2)
                #expect(second.payload == first.payload)
                try await second.ackSync()
                let info = try await jetStream.consumerInfo(stream: "ORDERS", consumer: "n")
                #expect(info.ackPending == 0)
                #expect(info.ackFloor.streamSequence == 1)
            }
        }
    }

    @Test("extends the acknowledgement wait while work is in progress")
    func inProgress() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = try await Self.setUp(connection, ackWait: .seconds(1))
                try await Self.publish(0..<1, jetStream)
                let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n")
                let message = try #require(try await consumer.next())
                for _ in 0..<5 {
                    try await Task.sleep(for: .milliseconds(400))
                    try message.inProgress()
                }
                try await message.ackSync()
                #expect(try await jetStream.consumerInfo(stream: "ORDERS", consumer: "n").redelivered == 0)
                #expect(consumer.takeBuffered().isEmpty)
            }
        }
    }

    @Test("removes a terminated message from a work queue")
    func terminate() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = try await Self.setUp(connection)
                let advisories = try connection.subscribe(to: "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.ORDERS.n")
                try await Self.publish(0..<2, jetStream)
                let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n")
                try await consumer.next()?.terminate(reason: "poison")
                try await consumer.next()?.terminateSync()
                #expect(try await jetStream.streamInfo("ORDERS").state.messages == 0)
                var iterator = advisories.makeAsyncIterator()
                let advisory = try #require(try await iterator.next())
                #expect(String(decoding: advisory.payload, as: UTF8.self).contains("poison"))
            }
        }
    }

    @Test("goes on without loss after the server is killed and started again")
    func serverCrash() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = try await Self.setUp(connection, ackWait: .seconds(2))
                let options = PullOptions(maximumBuffered: 32, expires: .seconds(5), idleHeartbeat: .seconds(1))
                let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n", options: options)
                let seen = Mutex<[String: Int]>([:])
                let reader = Task {
                    for try await message in consumer {
                        seen.withLock { $0[String(decoding: message.payload, as: UTF8.self), default: 0] += 1 }
                        do {
                            try await message.ackSync(timeout: .seconds(1))
                        } catch let error as NATSError where [.timeout, .noResponders].contains(error.code) {
                            // Unknown: it comes again.
                        }
                    }
                }
                let count = 600
                var kills = 0
                for number in 0..<count {
                    if number % 200 == 100 {
                        server.kill()
                        try await eventually("the loss is noticed") { connection.status == .reconnecting }
                        kills += 1
                        try await server.start()
                    }
                    while true {
                        do {
                            _ = try await jetStream.publish(
                                subject: "order.created",
                                payload: "\(number)".bytes,
                                messageID: "m\(number)",
                                timeout: .seconds(1)
                            )
                            break
                        } catch let error as NATSError where [.timeout, .noResponders].contains(error.code) {
                            continue
                        }
                    }
                }
                try await eventually("all messages are seen") { seen.withLock { $0.count } == count }
                try await eventually("all messages are acknowledged") {
                    try await jetStream.streamInfo("ORDERS").state.messages == 0
                }
                #expect(kills == 3)
                consumer.stop()
                try await reader.value
            }
        }
    }

    @Test("hands back what is buffered after it was stopped")
    func stop() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = try await Self.setUp(connection)
                try await Self.publish(0..<10, jetStream)
                let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n")
                let first = try #require(try await consumer.next())
                try await first.ackSync()
                // The server counts a message as delivered before it arrives here: look at what is here.
                try await eventually("the rest is delivered") { consumer.statistics.buffered == 9 }
                consumer.stop()
                consumer.stop()
                let rest = consumer.takeBuffered()
                #expect(rest.count == 9)
                for message in rest { try message.nak(delay: .zero) }
                #expect(try await consumer.next() == nil)

                let next = try jetStream.messages(stream: "ORDERS", consumer: "n")
                for _ in 0..<9 {
                    let message = try #require(try await next.next())
                    #expect(message.metadata.deliveryCount == 2)
                    try message.ack()
                }
            }
        }
    }

    @Test("ends the wait of a cancelled reader at once")
    func cancellation() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = try await Self.setUp(connection)
                let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n")
                let reader = Task { try await consumer.next() }
                try await Task.sleep(for: .milliseconds(50))
                let start = ContinuousClock.now
                reader.cancel()
                #expect(try await reader.value == nil)
                #expect(ContinuousClock.now - start < .seconds(5))
                // The consumer itself goes on.
                try await Self.publish(0..<1, jetStream)
                #expect(try await consumer.next() != nil)
            }
        }
    }

    @Test("fails when the consumer is deleted, and waits when it does not exist yet")
    func deleted() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = try await Self.setUp(connection)
                let options = PullOptions(expires: .seconds(2), idleHeartbeat: .milliseconds(300))
                let later = try jetStream.messages(stream: "ORDERS", consumer: "later", options: options)
                let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n")
                try await eventually("a pull request waits") {
                    try await jetStream.consumerInfo(stream: "ORDERS", consumer: "n").waiting == 1
                }
                try await jetStream.deleteConsumer(stream: "ORDERS", consumer: "n")
                let error = try await failure(JetStreamError.self) { _ = try await consumer.next() }
                #expect(error.kind == .consumerUnavailable)

                _ = try await jetStream.ensureConsumer(ConsumerConfiguration(durableName: "later"), on: "ORDERS")
                try await Self.publish(0..<1, jetStream)
                #expect(try await later.next() != nil)
            }
        }
    }

    @Test("asks again when a request expires without a message")
    func expiry() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = try await Self.setUp(connection)
                let options = PullOptions(expires: .seconds(1), idleHeartbeat: .milliseconds(300))
                let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n", options: options)
                async let message = consumer.next()
                try await Task.sleep(for: .milliseconds(2500))
                try await Self.publish(0..<1, jetStream)
                #expect(try await message != nil)
                #expect(try await jetStream.consumerInfo(stream: "ORDERS", consumer: "n").waiting <= 2)
            }
        }
    }
}
