import Contracts
import ContrailCLI
import Foundation
import JetStream
import LocalStack
import Logging
import SwiftProtobuf
import Synchronization
import TestKit
import Testing

extension EndToEnd {
    @Suite("A broker that dies, stops and is given poison", .stack)
    struct BrokerChaosTests {
        /// `make test` runs the short form; `make test-long` publishes 50,000 events under 20 kills and 10 stops, and
        /// 10,000 with one per cent of poison.
        private static let isLong = ProcessInfo.processInfo.environment["CONTRAIL_LONG_TESTS"] == "1"

        @Test("Killed and stopped again and again, it loses nothing and doubles no effect", .timeLimit(.minutes(30)))
        func killsAndStops() async throws {
            let (count, kills, stops) = Self.isLong ? (50_000, 20, 10) : (2_000, 3, 2)
            let stack = try Stack.required()
            try await Shop.open(stack) { shop in
                let user = try await shop.createUser()
                let source = try await EventSource.connect(stack)
                let orders = (0..<count).map { _ in UUID().uuidString.lowercased() }
                let returns = try await withThrowingTaskGroup(of: Void.self, returning: [Duration].self) { group in
                    var returns: [Duration] = []
                    for publisher in 0..<8 {
                        group.addTask {
                            for index in orders.indices where index % 8 == publisher {
                                try await source.publishUntilKnown(orders[index], user: user.id)
                            }
                        }
                    }
                    // Each fault comes while messages flow: between two of them some are published.
                    let faults = kills + stops
                    for fault in 0..<faults {
                        let target = count * (fault + 1) / (faults + 2)
                        #expect(
                            await eventually(within: .seconds(600)) { source.published >= target }
                        )
                        if fault % 3 == 2, fault / 3 < stops {
                            // The long form goes from the shortest to the longest.
                            let isLongest = Self.isLong && fault / 3 == stops - 1
                            let time = isLongest ? 30_000 : fault == 2 ? 100 : Int.random(in: 200...3_000)
                            returns.append(try await source.stop(for: .milliseconds(time)))
                        } else {
                            returns.append(try await source.kill())
                        }
                    }
                    try await group.waitForAll()
                    return returns
                }
                #expect(source.published == count)

                let told = try await shop.allNotifications(
                    ofUser: user.id,
                    event: "order.shipped",
                    count: count,
                    within: .seconds(900)
                )
                #expect(Set(told.map(\.orderID)) == Set(orders), "events were lost")
                #expect(told.count == count, "\(told.count - count) effects are double")
                // Rows are unique by themselves; what customers were told is in the provider's log.
                let said = try shop.told(user: user.id, "is on its way")
                #expect(said.count == count && Set(said).count == count, "\(said.count - count) were told twice")
                // The faults happened, and were seen on the wire.
                let text = try await Admin(stack).get("notifications", "/metrics").body
                let deliveries =
                    Exposition.value("messaging_client_consumed_messages_total", ["order.shipped"], in: text) ?? 0
                #expect(Int(deliveries) > count, "nothing was delivered twice")
                #expect(source.unknown > 0, "no publisher noticed a fault")
                let slowest = try #require(returns.sorted().last)
                #expect(slowest <= .seconds(Self.isLong ? 2 : 5), "\(returns)")
                await source.connection.shutdown()
            }
        }

        @Test("One per cent of poison goes to the dead letters once, delays nobody, and is delivered after a fix")
        func poison() async throws {
            let count = Self.isLong ? 10_000 : 1_000
            let stack = try Stack.required()
            try await Shop.open(stack) { shop in
                let user = try await shop.createUser()
                // Customers that nobody knows yet: the fix will be to know them.
                let strangers = (0..<count / 100).map { _ in UUID().uuidString.lowercased() }
                let source = try await EventSource.connect(stack)
                let before = try await source.deadLetters()
                var healthy: Set<String> = []
                for index in 0..<count {
                    let order = UUID().uuidString.lowercased()
                    let stranger = index % 100 == 50 ? strangers[index / 100] : nil
                    if stranger == nil { healthy.insert(order) }
                    try await source.send(order, user: stranger ?? user.id)
                }
                let told = try await shop.allNotifications(
                    ofUser: user.id,
                    event: "order.shipped",
                    count: healthy.count,
                    within: .seconds(300)
                )
                #expect(Set(told.map(\.orderID)) == healthy)
                #expect(told.allSatisfy { $0.attempts == 1 }, "poison disturbed others")
                #expect(await eventually { (try? await source.deadLetters()) == before + UInt64(strangers.count) })

                let letters = try await shop.notifications.listDeadLetters(
                    .with { ($0.reason, $0.pageSize) = ("unknown_user", 1000) }
                ).deadLetters
                #expect(letters.count == strangers.count)
                #expect(Set(letters.map(\.eventID)).count == strangers.count, "a dead letter is double")

                let values = strangers.map { "('\($0)', '\($0)@example.com', 'Ada')" }.joined(separator: ", ")
                try await stack.sql("users", "INSERT INTO users (id, email, display_name) VALUES \(values)")
                let request = Contrail_Notifications_V1_RedriveDeadLettersRequest.with {
                    ($0.all, $0.reason) = (true, "unknown_user")
                }
                var results: [Contrail_Notifications_V1_RedriveResult] = []
                var page = request
                repeat {
                    let response = try await shop.notifications.redriveDeadLetters(page)
                    results += response.results
                    page.pageToken = response.nextPageToken
                } while !page.pageToken.isEmpty
                #expect(results.count { $0.outcome == .redriven } == strangers.count, "\(results)")
                for stranger in strangers {
                    let told = try await shop.allNotifications(ofUser: stranger, event: "order.shipped", count: 1)
                    #expect(told.count == 1)
                }
                #expect(try await source.deadLetters() == before)
                // Again: there is nothing left to do, and it does no harm.
                #expect(try await shop.notifications.redriveDeadLetters(request).results.isEmpty)
                await source.connection.shutdown()
            }
        }
    }
}

/// Publishes events as another producer would, and does harm to the broker.
private final class EventSource: Sendable {
    let connection: NATSConnection
    private let stream: JetStreamContext
    private let stack: Stack
    private let unknowns = Atomic(0)
    private let publishes = Atomic(0)

    private init(_ connection: NATSConnection, _ stack: Stack) {
        self.connection = connection
        stream = JetStreamContext(connection)
        self.stack = stack
    }

    static func connect(_ stack: Stack) async throws -> EventSource {
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let configuration = try NATSConfiguration(environment: ["NATS_URL": stack.nats.url])
        return EventSource(try await NATSConnection.connect(configuration, logger: silent), stack)
    }

    /// Events that the stream is known to have.
    var published: Int { publishes.load(ordering: .relaxed) }

    /// Publishes whose outcome was not known.
    var unknown: Int { unknowns.load(ordering: .relaxed) }

    func deadLetters() async throws -> UInt64 {
        try await stream.streamInfo("DEAD_LETTERS").state.messages
    }

    /// Publishes that an order was shipped.
    func send(_ order: String, user: String) async throws {
        let payload =
            try Contrail_Events_V1_OrderShipped.with {
                ($0.orderID, $0.userID, $0.trackingNumber) = (order, user, "t")
            }.serializedBytes() as [UInt8]
        _ = try await stream.publish(
            subject: "order.shipped",
            headers: ["ce-id": "shipped-\(order)", "ce-type": "order.shipped", "ce-source": "/test"],
            payload: payload,
            messageID: "shipped-\(order)",
            expectedStream: "ORDERS",
            timeout: .seconds(2)
        )
    }

    /// Publishes again and again until the stream says that it has the event: a time-out is no failure.
    func publishUntilKnown(_ order: String, user: String) async throws {
        while true {
            do {
                try await send(order, user: user)
                publishes.wrappingAdd(1, ordering: .relaxed)
                return
            } catch let error where error is NATSError || error is JetStreamError {
                unknowns.wrappingAdd(1, ordering: .relaxed)
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    /// Kills the broker and starts it again; returns how long the connection took to come back after that.
    func kill() async throws -> Duration {
        #expect(await stack.nats.kill() == .signalled(SIGKILL))
        #expect(await eventually { self.connection.status != .connected })
        try await stack.nats.restart()
        let begin = ContinuousClock.now
        #expect(await eventually { self.connection.status == .connected })
        return .now - begin
    }

    /// Stops the broker for a while without ending it; returns how long it took to be of use again after that.
    func stop(for duration: Duration) async throws -> Duration {
        stack.nats.process.kill(SIGSTOP)
        // The length of the fault.
        try await Task.sleep(for: duration)
        stack.nats.process.kill(SIGCONT)
        let begin = ContinuousClock.now
        #expect(await eventually { (try? await self.stream.streamInfo("ORDERS")) != nil })
        return .now - begin
    }
}
