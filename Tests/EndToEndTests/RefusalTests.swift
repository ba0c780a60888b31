import Contracts
import ContrailCLI
import Foundation
import GRPCCore
import SwiftProtobuf
import Testing

extension EndToEnd {
    @Suite("Bad input is refused at the edge and changes nothing", .stack)
    struct RefusalTests {
        @Test(
            "CreateUser refuses an address that is none",
            arguments: [
                "", "ada", "@example.com", "ada@", "a@b@c", "ada lovelace@example.com", "ada\r\n@example.com",
                "ada@\u{301}b@example.com", "ada<\u{301}@example.com", "ada\0@example.com",
            ]
        )
        func badAddress(_ email: String) async throws {
            try await Shop.open { shop in
                let error = try await refusal {
                    _ = try await shop.users.createUser(.with { ($0.email, $0.displayName) = (email, "Ada") })
                }
                #expect(error.code == .invalidArgument)
                #expect(error.message.contains("email"))
                #expect(!error.message.contains("ada"), "an address must not come back in a message that gets logged")
            }
        }

        @Test("Control characters are refused where the database could not keep them")
        func controlCharacters() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let refusals = [
                    try await refusal {
                        _ = try await shop.users.createUser(
                            .with { ($0.email, $0.displayName) = ("\(UUID().uuidString)@example.com", "A\0da") }
                        )
                    },
                    try await refusal { _ = try await shop.createOrder(user: user.id, key: "a\0b") },
                ]
                #expect(refusals.allSatisfy { $0.code == .invalidArgument })
            }
        }

        @Test("CreateUser refuses an address that somebody has, in any case of letters")
        func takenAddress() async throws {
            try await Shop.open { shop in
                let name = UUID().uuidString
                _ = try await shop.createUser(email: "\(name)@example.com")
                let error = try await refusal {
                    _ = try await shop.createUser(email: "\(name.lowercased())@EXAMPLE.com")
                }
                #expect(error.code == .alreadyExists)
            }
        }

        @Test("CreateOrder refuses bad lines and names the field")
        func badLines() async throws {
            typealias Line = Contrail_Orders_V1_OrderLine
            @Sendable func line(_ sku: String, _ quantity: Int32, _ price: Int64) -> Line {
                .with { ($0.sku, $0.quantity, $0.unitPriceMinorUnits) = (sku, quantity, price) }
            }
            let cases: [([Line], String)] = [
                ([], "lines"),
                ([line("book", 1, -1)], "unit_price_minor_units"),
                ([line("book", 0, 1)], "quantity"),
                ([line("book", -5, 1)], "quantity"),
                ([line("book", 10_001, 1)], "quantity"),
                ([line("", 1, 1)], "sku"),
                ([line("book", 10_000, .max)], "lines[0]"),
                ([line("book", 1, .max), line("pen", 1, 1)], "lines[1]"),
                (Array(repeating: line("book", 1, 1), count: 101), "lines"),
            ]
            try await Shop.open { shop in
                let user = try await shop.createUser()
                for (lines, field) in cases {
                    let error = try await refusal { _ = try await shop.createOrder(user: user.id, lines: lines) }
                    #expect(error.code == .invalidArgument)
                    #expect(error.message.contains(field), "\(error.message) does not name \(field)")
                }
                let error = try await refusal {
                    _ = try await shop.orders.createOrder(
                        .with { ($0.userID, $0.currencyCode, $0.lines) = (user.id, "euro", [line("book", 1, 1)]) }
                    )
                }
                #expect(error.message.contains("currency_code"))
                // Nothing of all that was ordered, so nothing but the welcome is notified.
                let order = try await shop.createOrder(user: user.id)
                _ = try await shop.notification(ofOrder: order.id, event: "order.created")
                let all = try await shop.notifications.listNotifications(.with { $0.userID = user.id }).notifications
                #expect(Set(all.map(\.eventType)) == ["user.created", "order.created"])
                #expect(all.filter { $0.eventType == "order.created" }.count == 1)
            }
        }

        @Test("An unknown user, an unknown order and malformed ids are told apart")
        func unknownThings() async throws {
            try await Shop.open { shop in
                let nobody = UUID().uuidString.lowercased()
                let noUser = try await refusal { _ = try await shop.createOrder(user: nobody) }
                #expect(noUser.code == .notFound)
                #expect(noUser.message.contains(nobody))
                let noOrder = try await refusal { _ = try await shop.orders.getOrder(.with { $0.orderID = nobody }) }
                #expect(noOrder.code == .notFound)
                let notPayable = try await refusal {
                    _ = try await shop.orders.payOrder(.with { ($0.orderID, $0.paymentReference) = (nobody, "p") })
                }
                #expect(notPayable.code == .notFound)
                let malformed = try await refusal { _ = try await shop.orders.getOrder(.with { $0.orderID = "42" }) }
                #expect(malformed.code == .invalidArgument)
                #expect(malformed.message.contains("order_id"))
                let noSuchUser = try await refusal { _ = try await shop.users.getUser(.with { $0.id = nobody }) }
                #expect(noSuchUser.code == .notFound)
            }
        }

        @Test("A step that the order's status forbids is refused and leaves the order as it is")
        func illegalTransitions() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let order = try await shop.createOrder(user: user.id)
                let tooEarly = try await refusal {
                    _ = try await shop.orders.shipOrder(.with { ($0.orderID, $0.trackingNumber) = (order.id, "t") })
                }
                #expect(tooEarly.code == .failedPrecondition)
                #expect(tooEarly.message.contains("created"))
                _ = try await shop.orders.payOrder(.with { ($0.orderID, $0.paymentReference) = (order.id, "p") })
                let twice = try await refusal {
                    _ = try await shop.orders.payOrder(.with { ($0.orderID, $0.paymentReference) = (order.id, "p") })
                }
                #expect(twice.code == .failedPrecondition)
                _ = try await shop.orders.shipOrder(.with { ($0.orderID, $0.trackingNumber) = (order.id, "t") })
                let tooLate = try await refusal {
                    _ = try await shop.orders.cancelOrder(.with { $0.orderID = order.id })
                }
                #expect(tooLate.code == .failedPrecondition)
                let read = try await shop.orders.getOrder(.with { $0.orderID = order.id }).order
                #expect(read.status == .shipped)
                #expect(read.version == 3)
            }
        }

        @Test("A repeated idempotency key answers with the first result and records nothing")
        func idempotency() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let key = UUID().uuidString
                let first = try await shop.createOrder(user: user.id, key: key)
                let second = try await shop.createOrder(user: user.id, key: key)
                #expect(first.id == second.id)
                #expect(second.version == 1)
                let pay = Contrail_Orders_V1_PayOrderRequest.with {
                    ($0.orderID, $0.paymentReference, $0.idempotencyKey) = (first.id, "p", key)
                }
                _ = try await shop.orders.payOrder(pay)
                let again = try await shop.orders.payOrder(pay).order
                #expect(again.version == 2)
                // Sixteen at once: one order.
                let race = UUID().uuidString
                let ids = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<16 { group.addTask { try await shop.createOrder(user: user.id, key: race).id } }
                    return try await group.reduce(into: Set<String>()) { $0.insert($1) }
                }
                #expect(ids.count == 1)
            }
        }

        @Test("Pages of notifications follow one another without gaps; a bad page is refused")
        func pages() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                for _ in 0..<5 {
                    let order = try await shop.createOrder(user: user.id)
                    _ = try await shop.notification(ofOrder: order.id, event: "order.created")
                }
                var ids: [String] = []
                var token = ""
                repeat {
                    let page = try await shop.notifications.listNotifications(
                        .with { ($0.userID, $0.pageSize, $0.pageToken) = (user.id, 2, token) }
                    )
                    #expect(page.notifications.count <= 2)
                    ids += page.notifications.map(\.id)
                    token = page.nextPageToken
                } while !token.isEmpty
                #expect(ids.count == Set(ids).count)
                #expect(ids.count >= 5)
                for request: Contrail_Notifications_V1_ListNotificationsRequest in [
                    .with { $0.pageSize = -1 }, .with { $0.pageSize = 1001 }, .with { $0.pageToken = "next" },
                    .with { $0.userID = "ada" },
                ] {
                    let error = try await refusal { _ = try await shop.notifications.listNotifications(request) }
                    #expect(error.code == .invalidArgument)
                }
            }
        }
    }
}
