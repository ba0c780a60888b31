import Foundation
import Testing

@testable import JetStream

@Suite("A NATS connection")
struct ConnectionTests {
    @Test("waits for a server that starts late")
    func lateServer() async throws {
        try await TestNATSServer.with(started: false) { server in
            async let connection = NATSConnection.connect(server.configuration, logger: .quiet)
            try await Task.sleep(for: .milliseconds(300))
            try await server.start()
            let connected = try await connection
            #expect(connected.status == .connected)
            await connected.shutdown()
            #expect(connected.status == .closed)
        }
    }

    @Test("stops waiting at once when its task is cancelled")
    func cancelledConnect() async throws {
        try await TestNATSServer.with(started: false) { server in
            let configuration = server.configuration
            let task = Task { try await NATSConnection.connect(configuration, logger: .quiet) }
            try await Task.sleep(for: .milliseconds(100))
            let start = ContinuousClock.now
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test("carries headers with their case and finds them without it")
    func headers() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let subscription = try connection.subscribe(to: "greetings.*")
                try await connection.flush()
                let headers: NATSHeaders = ["Traceparent": "00-a-b-01", "x-list": "1", "X-List": "2", "x-list": "3"]
                try await connection.publish(
                    NATSMessage(subject: "greetings.en", headers: headers, payload: "hello".bytes)
                )
                var messages = subscription.makeAsyncIterator()
                let message = try #require(try await messages.next())
                #expect(message.subject == "greetings.en")
                #expect(message.payload == "hello".bytes)
                #expect(message.headers["traceparent"] == "00-a-b-01")
                #expect(message.headers.map(\.name).contains("Traceparent"))
                #expect(message.headers.values(named: "x-list").sorted() == ["1", "2", "3"])
            }
        }
    }

    @Test("answers requests over one inbox, many at a time")
    func requests() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let questions = try connection.subscribe(to: "double")
                try await connection.flush()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        var count = 0
                        for try await question in questions {
                            let reply = try #require(question.reply)
                            try await connection.publish(
                                NATSMessage(subject: reply, payload: question.payload + question.payload)
                            )
                            count += 1
                            if count == 500 { return }
                        }
                    }
                    for number in 0..<500 {
                        group.addTask {
                            let question = NATSMessage(subject: "double", payload: "\(number)".bytes)
                            let answer = try await connection.request(question)
                            #expect(answer.payload == "\(number)\(number)".bytes)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("says at once that nobody listens")
    func noResponders() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let start = ContinuousClock.now
                let error = try await failure {
                    _ = try await connection.request(NATSMessage(subject: "nobody"), timeout: .seconds(30))
                }
                #expect(error.code == .noResponders)
                #expect(ContinuousClock.now - start < .seconds(5))
            }
        }
    }

    @Test("says that the outcome of a request without reply is unknown")
    func requestTimeout() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let silent = try connection.subscribe(to: "silent")
                let start = ContinuousClock.now
                let error = try await failure {
                    _ = try await connection.request(NATSMessage(subject: "silent"), timeout: .milliseconds(150))
                }
                #expect(error.code == .timeout)
                #expect(error.message.contains("unknown"))
                #expect((.milliseconds(150)...(.seconds(3))).contains(ContinuousClock.now - start))
                _ = silent
            }
        }
    }

    @Test("ends a cancelled request at once")
    func cancelledRequest() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let silent = try connection.subscribe(to: "silent")
                let task = Task { try await connection.request(NATSMessage(subject: "silent"), timeout: .seconds(30)) }
                try await Task.sleep(for: .milliseconds(50))
                let start = ContinuousClock.now
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
                #expect(ContinuousClock.now - start < .seconds(5))
                _ = silent
            }
        }
    }

    @Test("ends requests in time while a frozen server blocks every write")
    func timeoutBehindBlockedWrites() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                server.freeze()
                defer { server.thaw() }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 {
                        group.addTask {
                            // 20 MB in all: more than the socket buffers hold.
                            let message = NATSMessage(subject: "x", payload: [UInt8](repeating: 0, count: 1_000_000))
                            let start = ContinuousClock.now
                            let error = try await failure {
                                _ = try await connection.request(message, timeout: .milliseconds(500))
                            }
                            #expect([.timeout, .notSent].contains(error.code))
                            #expect(ContinuousClock.now - start < .seconds(3))
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("shuts down within five seconds when the server is gone, frozen or well")
    func shutdown() async throws {
        try await TestNATSServer.with { server in
            let well = try await NATSConnection.connect(server.configuration, logger: .quiet)
            let frozen = try await NATSConnection.connect(server.configuration, logger: .quiet)
            let start = ContinuousClock.now
            await well.shutdown()
            #expect(ContinuousClock.now - start < .seconds(5))
            let gone = try await NATSConnection.connect(server.configuration, logger: .quiet)

            server.freeze()
            try await frozen.publish(NATSMessage(subject: "x"))
            let frozenStart = ContinuousClock.now
            await frozen.shutdown()
            #expect(ContinuousClock.now - frozenStart < .seconds(5))

            server.kill()
            try await eventually("the loss is noticed") { gone.status == .reconnecting }
            let goneStart = ContinuousClock.now
            async let again: Void = gone.shutdown()
            await gone.shutdown()
            await again
            #expect(ContinuousClock.now - goneStart < .seconds(5))
            #expect(gone.status == .closed)
            let error = try await failure { try await gone.publish(NATSMessage(subject: "x")) }
            #expect(error.code == .closed)
        }
    }

    @Test("reports each change of its status")
    func statusUpdates() async throws {
        try await TestNATSServer.with { server in
            let connection = try await NATSConnection.connect(server.configuration, logger: .quiet)
            var updates = connection.statusUpdates().makeAsyncIterator()
            #expect(await updates.next() == .connected)
            server.kill()
            #expect(await updates.next() == .reconnecting)
            try await server.start()
            #expect(await updates.next() == .connected)
            await connection.shutdown()
            #expect(await updates.next() == .closed)
            #expect(await updates.next() == nil)
        }
    }

    @Test("refuses messages that would break the protocol, and those that are too large")
    func invalidMessages() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                for subject in ["", "a b", "a\r\nPING", "a..b", ".a", "a.", "a.*", "a.>"] {
                    let error = try await failure { try await connection.publish(NATSMessage(subject: subject)) }
                    #expect(error.code == .invalidArgument)
                }
                for headers: NATSHeaders in [["a b": ""], ["a:": ""], ["": ""], ["a": "x\r\ny: z"], ["ä": ""]] {
                    let error = try await failure {
                        try await connection.publish(NATSMessage(subject: "a", headers: headers))
                    }
                    #expect(error.code == .invalidArgument)
                }
                let large = NATSMessage(subject: "a", payload: [UInt8](repeating: 0, count: 2 << 20))
                #expect(try await failure { try await connection.publish(large) }.code == .payloadTooLarge)
            }
        }
    }

    @Test("waits for room when the queue is full, and loses nothing")
    func backPressure() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection {
                $0.maximumQueuedMessages = 4
            } _: { connection in
                let count = 20_000
                let subscription = try connection.subscribe(to: "flood", bufferLimit: count)
                try await connection.flush()
                for number in 0..<count {
                    try await connection.publish(NATSMessage(subject: "flood", payload: "\(number)".bytes))
                }
                var messages = subscription.makeAsyncIterator()
                for number in 0..<count {
                    #expect(try await messages.next()?.payload == "\(number)".bytes)
                }
            }
        }
    }

    @Test("counts what goes out and in, losses, returns and what a slow reader dropped")
    func statistics() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                let slow = try connection.subscribe(to: "a", bufferLimit: 2)
                for _ in 0..<5 { try await connection.publish(NATSMessage(subject: "a", payload: "four".bytes)) }
                try await eventually("all have arrived") { connection.statistics.receivedMessages == 5 }
                let statistics = connection.statistics
                #expect(statistics.sentMessages == 5)
                #expect(statistics.sentBytes == 20)
                #expect(statistics.receivedBytes == 20)
                #expect(statistics.droppedMessages == 3)
                #expect(statistics.queuedMessages == 0)
                #expect(statistics.pendingRequests == 0)
                #expect(statistics.disconnects == 0)
                for round in 1...2 {
                    server.kill()
                    try await eventually("the loss is noticed") { connection.status == .reconnecting }
                    try await server.start()
                    try await eventually("it is back") { connection.status == .connected }
                    #expect(connection.statistics.disconnects == round)
                    #expect(connection.statistics.reconnects == round)
                }
                _ = slow
            }
        }
    }

    @Test("carries headers, replies and payloads with the public API of libnats too", arguments: [false, true])
    func withoutInternals(usesInternals: Bool) async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection {
                if !usesInternals { $0.libraryInternals = nil }
            } _: { connection in
                let questions = try connection.subscribe(to: "echo")
                async let served: Void = {
                    for try await question in questions {
                        var answer = question
                        answer.subject = question.reply ?? ""
                        answer.reply = nil
                        try await connection.publish(answer)
                        if question.payload.count == 3 { return }
                    }
                }()
                for count in (0...3) {
                    var headers: NATSHeaders = [:]
                    for number in 0..<count { headers.append("x-\(number)", "value: of \(number)") }
                    let payload = [UInt8](repeating: 0, count: count)
                    let answer = try await connection.request(
                        NATSMessage(subject: "echo", headers: headers, payload: payload)
                    )
                    #expect(answer.payload == payload)
                    #expect(answer.headers.count == count)
                    for number in 0..<count { #expect(answer.headers["x-\(number)"] == "value: of \(number)") }
                }
                try await served
            }
        }
    }
}
