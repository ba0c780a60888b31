import Foundation
import Testing

@testable import JetStream

@Suite("Publishing with a window")
struct PublisherTests {
    private static func message(_ number: Int) throws -> EncodedMessage {
        try EncodedMessage(
            subject: "order.created",
            headers: ["traceparent": "00-1-2-01"],
            payload: "\(number)".bytes,
            messageID: "m\(number)",
            expectedStream: "ORDERS"
        )
    }

    @Test("stores thousands of messages in order, never more in flight than the window")
    func order() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = JetStreamContext(connection)
                try await jetStream.ensureStream(StreamTests.orders)
                let publisher = JetStreamPublisher(jetStream, maximumInFlight: 64)
                var pending: [PendingPublish] = []
                for number in 1...3000 {
                    pending.append(try await publisher.send(try Self.message(number)))
                    #expect(publisher.inFlight <= 64)
                }
                try await publisher.drain()
                #expect(publisher.inFlight == 0)
                #expect(publisher.acknowledged == 3000)
                #expect(publisher.failures == 0)
                for (index, publish) in pending.enumerated() {
                    #expect(try await publish.acknowledgement().sequence == UInt64(index + 1))
                }
                let last = try await jetStream.getMessage(stream: "ORDERS", sequence: 3000)
                #expect(last.message.payload == "3000".bytes)
                #expect(last.message.headers["traceparent"] == "00-1-2-01")
            }
        }
    }

    @Test("a sender beyond the window waits as a task, and stops waiting when it is cancelled")
    func window() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = JetStreamContext(connection)
                try await jetStream.ensureStream(StreamTests.orders)
                let publisher = JetStreamPublisher(jetStream, maximumInFlight: 2, timeout: .seconds(30))
                server.freeze()
                let first = try await publisher.send(try Self.message(1))
                try await publisher.send(try Self.message(2))
                let third = Task { try await publisher.send(try Self.message(3)) }
                let waiter = Task { try await first.acknowledgement() }
                let drain = Task { try await publisher.drain() }
                try await Task.sleep(for: .milliseconds(100))
                #expect(publisher.inFlight == 2)
                third.cancel()
                waiter.cancel()
                drain.cancel()
                await #expect(throws: CancellationError.self) { try await third.value }
                await #expect(throws: CancellationError.self) { try await waiter.value }
                await #expect(throws: CancellationError.self) { try await drain.value }
                server.thaw()
                #expect(try await first.acknowledgement().sequence == 1)
                try await publisher.drain()
                #expect(publisher.acknowledged == 2)
                #expect(try await jetStream.streamInfo("ORDERS").state.lastSequence == 2)
            }
        }
    }

    @Test("a time-out says that the outcome is unknown and frees the place in the window")
    func timeout() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = JetStreamContext(connection)
                try await jetStream.ensureStream(StreamTests.orders)
                let publisher = JetStreamPublisher(jetStream, maximumInFlight: 1, timeout: .milliseconds(300))
                server.freeze()
                let pending = try await publisher.send(try Self.message(1))
                let error = try await failure { _ = try await pending.acknowledgement() }
                #expect(error.code == .timeout)
                #expect(error.message.contains("unknown"))
                #expect(publisher.inFlight == 0)
                #expect(publisher.failures == 1)
                server.thaw()
                // It was stored all the same; the id makes the repetition harmless.
                try await eventually("the first try is stored") {
                    try await jetStream.streamInfo("ORDERS").state.messages == 1
                }
                #expect(try await publisher.publish(try Self.message(1)).isDuplicate)
            }
        }
    }

    @Test("no message is lost when the server is killed under a full window, and none is stored twice")
    func killed() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let jetStream = JetStreamContext(connection)
                try await jetStream.ensureStream(StreamTests.orders)
                let publisher = JetStreamPublisher(jetStream, maximumInFlight: 32, timeout: .seconds(2))
                let repeated = try await withThrowingTaskGroup(of: Int.self) { group in
                    group.addTask {
                        for _ in 0..<3 {
                            try await Task.sleep(for: .milliseconds(150))
                            server.kill()
                            try await server.start()
                        }
                        return 0
                    }
                    for worker in 0..<8 {
                        group.addTask { try await Self.publish(150, from: worker * 1000, publisher) }
                    }
                    return try await group.reduce(0, +)
                }
                #expect(repeated > 0, "no publish was interrupted: the fault did not happen")
                #expect(try await jetStream.streamInfo("ORDERS").state.messages == 1200)
            }
        }
    }

    /// Publishes messages until each is stored; returns how often it had to try again.
    private static func publish(_ count: Int, from start: Int, _ publisher: JetStreamPublisher) async throws -> Int {
        var repeated = 0
        for number in start..<start + count {
            let message = try message(number)
            var isStored = false
            while !isStored {
                do {
                    _ = try await publisher.publish(message)
                    isStored = true
                } catch let error as NATSError {
                    guard error.code == .timeout || error.code == .noResponders else { throw error }
                    repeated += 1
                }
            }
        }
        return repeated
    }

    @Test(
        "memory stays flat over many messages published and consumed",
        // AddressSanitizer keeps what is freed.
        .disabled(if: ProcessInfo.processInfo.environment["ASAN_OPTIONS"] != nil)
    )
    func flatMemory() async throws {
        let isLong = ProcessInfo.processInfo.environment["CONTRAIL_LONG_TESTS"] == "1"
        let count = isLong ? 1_000_000 : 30_000
        try await TestNATSServer.with(synchronous: false) { server in
            try await server.withConnection { connection in
                let jetStream = try await PullConsumerTests.setUp(connection)
                let publisher = JetStreamPublisher(jetStream, maximumInFlight: 512, timeout: .seconds(60))
                let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n")
                var sizes: [Int] = []
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for number in 1...count { try await publisher.send(try Self.message(number)) }
                        try await publisher.drain()
                    }
                    var seen = 0
                    while seen < count, let message = try await consumer.next() {
                        try message.ack()
                        seen += 1
                        if seen.isMultiple(of: count / 10) { sizes.append(try residentKilobytes()) }
                    }
                    try await group.waitForAll()
                }
                #expect(publisher.acknowledged == count)
                #expect(publisher.failures == 0)
                // The first tenth fills buffers and caches.
                let growth = (sizes.last ?? 0) - sizes[1]
                print("\(count) messages (\(isLong ? "long" : "short") form): resident kB \(sizes)")
                #expect(growth < 16 * 1024, "resident memory in kB: \(sizes)")
            }
        }
    }

    private func residentKilobytes() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.split(separator: " ").dropLast().last ?? ""))
    }
}
