import Contracts
import ContrailCLI
import Foundation
import GRPCCore
import LocalStack
import SwiftProtobuf
import TestKit
import Testing
import TraceBackend

/// Where the proxy in front of the users service listens.
private let proxyPort = (try? FreePort.reserve()) ?? 0

extension EndToEnd {
    @Suite(
        "The users service in a black hole",
        .stack { _ in ["CONTRAIL_USERS_TARGET": "127.0.0.1:\(proxyPort)"] }
    )
    struct BlackHoleTests {
        /// `make test` lets it last fifteen seconds, `make test-long` sixty.
        private static let length = Duration.seconds(
            ProcessInfo.processInfo.environment["CONTRAIL_LONG_TESTS"] == "1" ? 60 : 15
        )

        @Test("The breaker opens, nobody tries harder, and notifications go on within ten seconds of the end")
        func blackHole() async throws {
            let stack = try Stack.required()
            let admin = Admin(stack)
            let proxy = try await TCPProxy(to: stack.configuration.ports.users.grpc, listen: proxyPort)
            try await Shop.open(stack) { shop in
                let user = try await shop.createUser()
                var orders: [String] = []
                for number in 0..<150 {
                    orders.append(try await shop.createOrderPatiently(user: user.id, key: "\(number)") {}.id)
                }
                _ = try await shop.completedNotifications(ofUser: user.id, count: orders.count + 1)
                let before = try await admin.get("notifications", "/metrics").body

                proxy.mode = .blackHole
                let began = ContinuousClock.now
                var sawOpen = false
                var mostInFlight = 0.0
                for (number, order) in orders.enumerated() {
                    // A steady load for as long as the fault lasts.
                    try await Task.sleep(until: began + Self.length * number / orders.count, clock: .continuous)
                    _ = try await shop.orders.payOrder(.with { ($0.orderID, $0.paymentReference) = (order, "p") })
                    guard number.isMultiple(of: 5) else { continue }
                    let text = try await admin.get("notifications", "/metrics").body
                    let open = ["name=\"users\"", "state=\"open\""]
                    sawOpen = sawOpen || Exposition.value("circuit_breaker_state", open, in: text) == 1
                    let inFlight = Exposition.value("bulkhead_in_flight", ["name=\"users\""], in: text) ?? 0
                    mostInFlight = max(mostInFlight, inFlight)
                }
                #expect(proxy.statistics.accepted > 0)
                #expect(sawOpen, "the breaker never opened")
                // The consumers' handlers, four for each of two streams, and nobody else.
                #expect(mostInFlight <= 8)

                proxy.mode = .pass
                let recovered = ContinuousClock.now
                let goesOn = try await eventually(within: .seconds(10)) {
                    try await !shop.paid(user: user.id).isEmpty
                }
                #expect(goesOn, "no notification within ten seconds; \(ContinuousClock.now - recovered) have passed")
                let isCaughtUp = try await eventually(within: .seconds(180)) {
                    try await shop.paid(user: user.id).count == orders.count
                }
                #expect(isCaughtUp)
                let rows = try await shop.paid(user: user.id)

                let after = try await admin.get("notifications", "/metrics").body
                let attempts = Self.growth("retry_attempts_total", "name=\"users\"", before, after)
                let requests = Self.growth("messaging_process_duration_seconds_count", "order.paid", before, after)
                #expect(requests > Double(orders.count), "nothing was tried again: \(requests)")
                #expect(attempts / requests <= 1.1, "\(attempts) attempts of \(requests) requests")
                // Most of those were refused by the breaker. Of the ones that were not, too, only as many are tried again as
                // the budget has: what it begins with, and a tenth of what succeeds.
                let first = Self.growth("retry_attempts_total", #"name="users",attempt="1""#, before, after)
                #expect(first > 0 && attempts - first <= 20 + 0.1 * first, "\(attempts) attempts of \(first) calls")

                let rejected = rows.first { $0.causeReason == "breaker_open" }
                let row = try #require(rejected, "\(Set(rows.map { "\($0.cause) \($0.causeReason)" }))")
                #expect(row.late && row.cause == "redelivery_wait")
                let late = Self.growth("notification_late_total", "reason=\"breaker_open\"", before, after)
                #expect(Int(late) == rows.count { $0.causeReason == "breaker_open" })
                let spans = stack.traces.trace(row.traceID)?.spans ?? []
                let waits = spans.filter { span in
                    span.name == "redelivery wait"
                        && span.attributes["contrail.retry.reason"]?.stringValue == "breaker_open"
                }
                #expect(!waits.isEmpty, "\(Set(spans.map(\.name)))")
                let isSaid = spans.contains { span in
                    span.attributes["contrail.notification.id"]?.stringValue == row.id
                        && span.attributes["contrail.notification.cause"]?.stringValue == "redelivery_wait"
                        && span.attributes["contrail.notification.cause.reason"]?.stringValue == "breaker_open"
                }
                #expect(isSaid, "no span says that the breaker was the cause")
            }
            await proxy.stop()
        }

        /// By how much the sum of a metric's series that contain a text has grown.
        private static func growth(_ name: String, _ text: String, _ before: String, _ after: String) -> Double {
            func sum(_ exposition: String) -> Double {
                exposition.split(separator: "\n").filter { $0.hasPrefix(name + "{") && $0.contains(text) }
                    .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
            }
            return sum(after) - sum(before)
        }
    }
}

extension Shop {
    /// The complete notifications of a user's payments.
    fileprivate func paid(user: String) async throws -> [Contrail_Notifications_V1_Notification] {
        try await tolerating {
            try await pages(ofUser: user).filter { $0.eventType == "order.paid" && $0.hasCompletedAt }
        } ?? []
    }
}
