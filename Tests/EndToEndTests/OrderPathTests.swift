import Contracts
import ContrailCLI
import SwiftProtobuf
import Testing
import TraceBackend

extension EndToEnd {
    @Suite("The path of one order", .stack)
    struct OrderPathTests {
        @Test("One trace covers an order from the command to its notification")
        func createdOrder() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let (order, traceID) = try await shop.traced("contrail order create") {
                    try await shop.createOrder(user: user.id)
                }
                let notification = try await shop.notification(ofOrder: order.id, event: "order.created")
                #expect(notification.traceID == traceID)
                #expect(notification.userID == user.id)
                #expect(notification.attempts == 1)

                let (trace, journey) = try await shop.journey(traceID)
                #expect(journey.missing == [])
                try expectTree(
                    of: trace,
                    """
                    contrail: contrail order create [internal]
                      contrail: contrail.orders.v1.OrderService/CreateOrder [client]
                        orders: contrail.orders.v1.OrderService/CreateOrder [server]
                          orders: INSERT events outbox [client]
                          orders: contrail.users.v1.UserService/GetUser [client]
                            users: contrail.users.v1.UserService/GetUser [server]
                              users: SELECT users [client]
                          orders: outbox wait [internal]
                          orders: publish order.created [producer]
                            notifications: process order.created [consumer]
                              notifications: INSERT inbox [client]
                              notifications: UPDATE notifications [client]
                              notifications: contrail.users.v1.UserService/GetUser [client]
                                users: contrail.users.v1.UserService/GetUser [server]
                                  users: SELECT users [client]
                              notifications: deliver log [client]
                              notifications: record [internal]
                                notifications: COMMIT [client]
                                notifications: INSERT notifications [client]
                                notifications: ack order.created [client]
                            notifications: stream wait [internal]
                    """
                )
                try expectAttributes(
                    of: trace,
                    event: "order.created",
                    user: user.id,
                    order: order.id,
                    eventID: notification.eventID
                )
                try expectStages(of: journey)
            }
        }

        @Test("A shipped order's trace begins with the command that shipped it")
        func shippedOrder() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let order = try await shop.createOrder(user: user.id)
                _ = try await shop.orders.payOrder(
                    .with { ($0.orderID, $0.paymentReference) = (order.id, "payment-1") }
                )
                let (shipped, traceID) = try await shop.traced("contrail order ship") {
                    try await shop.orders.shipOrder(
                        .with { ($0.orderID, $0.trackingNumber) = (order.id, "1Z999") }
                    ).order
                }
                #expect(shipped.status == .shipped)
                #expect(shipped.version == 3)
                let notification = try await shop.notification(ofOrder: order.id, event: "order.shipped")
                #expect(notification.traceID == traceID)

                let (trace, journey) = try await shop.journey(traceID)
                #expect(journey.missing == [])
                try expectTree(
                    of: trace,
                    """
                    contrail: contrail order ship [internal]
                      contrail: contrail.orders.v1.OrderService/ShipOrder [client]
                        orders: contrail.orders.v1.OrderService/ShipOrder [server]
                          orders: INSERT events outbox [client]
                          orders: SELECT events [client]
                          orders: outbox wait [internal]
                          orders: publish order.shipped [producer]
                            notifications: process order.shipped [consumer]
                              notifications: INSERT inbox [client]
                              notifications: UPDATE notifications [client]
                              notifications: contrail.users.v1.UserService/GetUser [client]
                                users: contrail.users.v1.UserService/GetUser [server]
                                  users: SELECT users [client]
                              notifications: deliver log [client]
                              notifications: record [internal]
                                notifications: COMMIT [client]
                                notifications: INSERT notifications [client]
                                notifications: ack order.shipped [client]
                            notifications: stream wait [internal]
                    """
                )
                try expectAttributes(
                    of: trace,
                    event: "order.shipped",
                    user: user.id,
                    order: order.id,
                    eventID: notification.eventID
                )
                try expectStages(of: journey)
            }
        }

        @Test("Every step of an order is notified once, and a new user is welcomed")
        func wholeLife() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let order = try await shop.createOrder(user: user.id)
                _ = try await shop.orders.payOrder(.with { ($0.orderID, $0.paymentReference) = (order.id, "p") })
                let cancelled = try await shop.orders.cancelOrder(
                    .with { ($0.orderID, $0.reason) = (order.id, "changed my mind") }
                ).order
                #expect(cancelled.status == .cancelled)
                _ = try await shop.notification(ofOrder: order.id, event: "order.cancelled")
                let events = try await shop.notifications(ofOrder: order.id).map(\.eventType)
                #expect(events.sorted() == ["order.cancelled", "order.created", "order.paid"])
                let all = try await shop.notifications.listNotifications(.with { $0.userID = user.id }).notifications
                #expect(all.filter { $0.eventType == "user.created" }.count == 1)
                let read = try await shop.orders.getOrder(.with { $0.orderID = order.id }).order
                #expect(read.cancellationReason == "changed my mind")
                #expect(read.version == 3)
            }
        }

        // MARK: What a complete trace is

        private func expectTree(
            of trace: Trace,
            _ expected: String,
            sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let tree = TraceTree(trace)
            #expect(tree.roots.count == 1, sourceLocation: sourceLocation)
            #expect(tree.orphans.isEmpty, sourceLocation: sourceLocation)
            let root = try #require(tree.roots.first, sourceLocation: sourceLocation)
            #expect(
                Self.lines(of: root, in: tree, depth: 0).joined(separator: "\n") == expected,
                sourceLocation: sourceLocation
            )
        }

        /// The tree with siblings sorted by name: which of two quick spans starts first is not part of the contract.
        private static func lines(of index: Int, in tree: TraceTree, depth: Int) -> [String] {
            let node = tree.nodes[index]
            let line =
                String(repeating: "  ", count: depth) + "\(node.span.service): \(node.span.name) [\(node.span.kind)]"
            let children = node.children.map { lines(of: $0, in: tree, depth: depth + 1) }
            return [line] + children.sorted { key($0) < key($1) }.flatMap { $0 }
        }

        /// Sorts by name without the service, the way a reader looks for a span.
        private static func key(_ lines: [String]) -> String {
            lines.first.flatMap { $0.split(separator: ": ", maxSplits: 1).last.map(String.init) } ?? ""
        }

        private func expectAttributes(
            of trace: Trace,
            event: String,
            user: String,
            order: String,
            eventID: String
        ) throws {
            for span in trace.spans where span.attributes["rpc.method"] != nil {
                #expect(span.attributes["rpc.system.name"] == "grpc")
                #expect(span.attributes["rpc.response.status_code"] == "OK")
                #expect(span.attributes["rpc.method"]?.stringValue == span.name)
                if span.kind == .client {
                    #expect(span.attributes["server.address"] == "127.0.0.1")
                    #expect(span.attributes["server.port"]?.intValue != nil)
                } else {
                    #expect(span.attributes["network.peer.address"] == "127.0.0.1")
                }
            }
            for span in trace.spans where span.attributes["db.system.name"] != nil {
                #expect(span.attributes["db.query.summary"]?.stringValue == span.name)
                #expect(span.attributes["db.namespace"]?.stringValue == span.service)
                #expect(span.attributes["db.query.text"]?.stringValue?.isEmpty == false)
            }
            let publish = try trace.only("the publish") { $0.name == "publish \(event)" }
            let process = try trace.only("the process") { $0.name == "process \(event)" }
            for span in [publish, process] {
                #expect(span.attributes["messaging.system"] == "nats")
                #expect(span.attributes["messaging.destination.name"]?.stringValue == event)
                #expect(span.attributes["messaging.message.id"]?.stringValue == eventID)
                #expect(span.attributes["messaging.nats.stream"] == "ORDERS")
                #expect(span.attributes["cloudevents.event_type"]?.stringValue == event)
            }
            #expect(publish.attributes["messaging.operation.name"] == "publish")
            #expect(publish.attributes["messaging.operation.type"] == "send")
            #expect(process.attributes["messaging.operation.name"] == "process")
            #expect(process.attributes["messaging.operation.type"] == "process")
            #expect(process.attributes["messaging.consumer.group.name"] == "notifications")
            #expect(process.attributes["messaging.nats.delivery_count"] == 1)
            #expect(process.attributes["contrail.user.id"]?.stringValue == user)
            #expect(process.attributes["contrail.order.id"]?.stringValue == order)
            #expect(process.links.map(\.spanID) == [publish.spanID])
            #expect(trace.spans.allSatisfy { $0.status.code == .unset })
            #expect(trace.spans.allSatisfy { $0.resource["telemetry.sdk.name"] == "contrail" })
        }

        private func expectStages(of journey: Journey) throws {
            for stage in [Journey.Stage.accept, .outboxWait, .publish, .streamWait, .lookup, .deliver, .record] {
                #expect(journey[stage] != nil, "stage \(stage) is missing")
            }
            let sum = journey.stages.map(\.durationNanoseconds).reduce(0, +)
            let difference =
                sum > journey.endToEndNanoseconds
                ? sum - journey.endToEndNanoseconds : journey.endToEndNanoseconds - sum
            #expect(difference <= max(5_000_000, journey.endToEndNanoseconds / 100))
        }
    }
}
