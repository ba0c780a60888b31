import Contracts
import ContrailCLI
import GRPCCore
import LocalStack
import SwiftProtobuf
import Synchronization
import TestKit
import Testing

extension EndToEnd {
    @Suite("Faults of the servers", .stack)
    struct FaultTests {
        @Test("Killing NATS and PostgreSQL during 500 orders loses and doubles nothing that was acknowledged")
        func killedServers() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let tally = Tally()

                try await withThrowingTaskGroup(of: Void.self) { group in
                    for client in 0..<8 {
                        group.addTask {
                            for number in 0..<(client < 4 ? 63 : 62) {
                                let order = try await shop.createOrderPatiently(
                                    user: user.id,
                                    key: "\(client)-\(number)"
                                ) { tally.refuse() }
                                tally.acknowledge(order.id)
                            }
                        }
                    }
                    group.addTask {
                        #expect(await eventually { tally.acknowledged.count >= 100 })
                        let broker = await shop.stack.nats.kill()
                        #expect(broker == .signalled(9))
                        // Orders go on without the broker: the outbox keeps their events.
                        let before = tally.acknowledged.count
                        #expect(await eventually { tally.acknowledged.count >= before + 20 })
                        try await shop.stack.nats.restart()
                        #expect(await eventually { tally.acknowledged.count >= 250 })
                        let database = await shop.stack.postgres.kill()
                        #expect(database == .signalled(9))
                        let failures = tally.refusals
                        #expect(await eventually { tally.refusals > failures }, "nobody noticed the fault")
                        try await shop.stack.postgres.restart()
                    }
                    try await group.waitForAll()
                }
                let orders = tally.acknowledged
                #expect(orders.count == 500)

                let notified = try await shop.allNotifications(ofUser: user.id, event: "order.created", count: 500)
                #expect(Set(notified.map(\.orderID)) == orders)
                #expect(notified.count == 500, "\(notified.count - Set(notified.map(\.orderID)).count) are double")
                #expect(tally.refusals > 0, "the outage was not seen by any client")
            }
        }

        @Test("Readiness names what is away and comes back by itself; liveness does not care")
        func readiness() async throws {
            let stack = try Stack.required()
            let admin = Admin(stack)
            for service in ["users", "orders", "notifications"] {
                #expect(try await admin.get(service, "/readyz").status == 200)
            }
            _ = await stack.nats.kill()
            for service in ["users", "orders", "notifications"] {
                #expect(try await admin.becomes(503, service, naming: "nats"))
                #expect(try await admin.get(service, "/livez").status == 200)
            }
            try await stack.nats.restart()
            for service in ["users", "orders", "notifications"] {
                #expect(try await admin.becomes(200, service, naming: "ok"))
            }
            _ = await stack.postgres.kill()
            for service in ["users", "orders", "notifications"] {
                #expect(try await admin.becomes(503, service, naming: "postgresql"))
            }
            try await stack.postgres.restart()
            for service in ["users", "orders", "notifications"] {
                #expect(try await admin.becomes(200, service, naming: "ok"))
            }
        }

        @Test("While PostgreSQL is away a call fails fast with UNAVAILABLE, and succeeds afterwards")
        func databaseAway() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                _ = await shop.stack.postgres.kill()
                let error = try await refusal { _ = try await shop.orders.getOrder(.with { $0.orderID = user.id }) }
                #expect(error.code == .unavailable)
                try await shop.stack.postgres.restart()
                let order = try await shop.createOrderPatiently(user: user.id, key: "after") {}
                _ = try await shop.notification(ofOrder: order.id, event: "order.created")
            }
        }
    }
}

extension Shop {
    /// Places an order, again and again with the same key while a dependency is away.
    func createOrderPatiently(
        user: String,
        key: String,
        onRefusal: () -> Void
    ) async throws -> Contrail_Orders_V1_Order {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do {
                return try await createOrder(user: user, key: key)
            } catch let error as RPCError
                where [.unavailable, .deadlineExceeded, .aborted].contains(error.code) && ContinuousClock.now < deadline
            {
                onRefusal()
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }
}

/// What the clients of a test were told.
private final class Tally: Sendable {
    private let state = Mutex((acknowledged: Set<String>(), refusals: 0))

    var acknowledged: Set<String> { state.withLock { $0.acknowledged } }
    var refusals: Int { state.withLock { $0.refusals } }

    func acknowledge(_ order: String) {
        state.withLock { _ = $0.acknowledged.insert(order) }
    }

    func refuse() {
        state.withLock { $0.refusals += 1 }
    }
}
