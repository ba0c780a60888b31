import Contracts
import ContrailCLI
import Foundation
import LocalStack
import SwiftProtobuf
import TestKit
import Testing
import TraceBackend

extension EndToEnd {
    @Suite(
        "Why a notification was late",
        .python,
        .peer(.mailSink),
        .stack { _ in
            [
                "CONTRAIL_NOTIFICATION_PROVIDER": "smtp",
                "CONTRAIL_SMTP_URL": "smtp://127.0.0.1:\(Peer.running[.mailSink]?.port ?? 0)",
                "CONTRAIL_NOTIFICATION_LATE_AFTER": "700ms",
                // Longer than the faults: a call that is slow is not one that failed.
                "CONTRAIL_USERS_TIMEOUT": "10s", "CONTRAIL_USERS_ATTEMPT_TIMEOUT": "5s",
            ]
        }
    )
    struct DelayCauseTests {
        /// What is made slow, by more than a notification may take.
        enum Injection: String, CaseIterable, Sendable {
            case usersSlowForOrders, relayPaused, brokerStopped, consumerPaused, usersSlow, providerSlow, providerFails

            /// The stage that must be blamed, and the reason, if it has one.
            var cause: (stage: String, reason: String) {
                switch self {
                case .usersSlowForOrders: ("accept", "")
                case .relayPaused: ("outbox_wait", "")
                case .brokerStopped: ("publish", "")
                case .consumerPaused: ("stream_wait", "")
                case .usersSlow: ("lookup", "")
                case .providerSlow: ("deliver", "")
                case .providerFails: ("redelivery_wait", "smtp_451")
                }
            }

            /// The customer's address, which tells the mail server what to do.
            var address: String {
                let prefix = self == .providerSlow ? "slow" : self == .providerFails ? "busy" : "user"
                return "\(prefix)-\(UUID().uuidString.lowercased())@example.com"
            }
        }

        @Test(
            "The injected delay is the cause in the row, in the span and in the metric",
            arguments: Injection.allCases
        )
        func injectedCause(injection: Injection) async throws {
            let stack = try Stack.required()
            let admin = Admin(stack)
            try await Shop.open(stack) { shop in
                let user = try await shop.createUser(email: injection.address)
                let before = try await lateCount(injection, admin)
                let (order, event) = try await disturbed(injection, shop, user: user.id)
                let row = try await shop.completedNotification(ofOrder: order, event: event)
                let stages = row.stages.map { "\($0.name) \($0.duration.seconds9)" }

                #expect(row.late)
                #expect(row.cause == injection.cause.stage, "\(stages)")
                #expect(row.causeReason == injection.cause.reason)

                let isShown = await eventually {
                    stack.traces.trace(row.traceID)?.spans.contains { span in
                        span.attributes["contrail.notification.id"]?.stringValue == row.id
                            && span.attributes["contrail.notification.cause"]?.stringValue == injection.cause.stage
                            && span.attributes["contrail.notification.late"] == .bool(true)
                            && (span.attributes["contrail.notification.cause.reason"]?.stringValue ?? "")
                                == injection.cause.reason
                    } == true
                }
                #expect(isShown, "no span says so")
                #expect(try await lateCount(injection, admin) > before)
            }
        }

        @Test("What nobody disturbs is never late")
        func undisturbed() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                for _ in 0..<20 {
                    let order = try await shop.createOrder(user: user.id)
                    let row = try await shop.completedNotification(ofOrder: order.id, event: "order.created")
                    #expect(!row.late, "\(row.stages.map { "\($0.name) \($0.duration.seconds9)" })")
                    #expect(row.cause.isEmpty)
                }
            }
        }

        /// Causes an event while something is slow.
        private func disturbed(_ injection: Injection, _ shop: Shop, user: String) async throws -> (String, String) {
            let stack = shop.stack
            if injection == .usersSlowForOrders {
                // The call itself takes long: it asks the users service, which does not answer for a while.
                return try await pausing(stack.service("users").process) {
                    try await shop.createOrder(user: user)
                } result: {
                    ($0.id, "order.created")
                }
            }
            let order = try await shop.createOrder(user: user)
            _ = try await shop.completedNotification(ofOrder: order.id, event: "order.created")
            let pay: @Sendable () async throws -> Void = {
                _ = try await shop.orders.payOrder(.with { ($0.orderID, $0.paymentReference) = (order.id, "p") })
            }
            let result: @Sendable (()) -> (String, String) = { _ in (order.id, "order.paid") }
            switch injection {
            case .usersSlowForOrders, .providerSlow, .providerFails:
                try await pay()
            case .relayPaused:
                // Events are due a second after they are written.
                let column = "ALTER TABLE outbox ALTER COLUMN next_attempt_at SET DEFAULT"
                try await stack.sql("orders", "\(column) clock_timestamp() + interval '1 second'")
                try await pay()
                try await stack.sql("orders", "\(column) '-infinity'")
            case .brokerStopped:
                return try await pausing(stack.nats.process, pay, result: result)
            case .consumerPaused:
                return try await pausing(stack.service("notifications").process, pay, result: result)
            case .usersSlow:
                return try await pausing(stack.service("users").process, pay, result: result)
            }
            return (order.id, "order.paid")
        }

        /// Does something while a process is stopped for a second.
        private func pausing<T: Sendable>(
            _ process: ManagedProcess,
            _ body: @escaping @Sendable () async throws -> T,
            result: (T) -> (String, String)
        ) async throws -> (String, String) {
            process.kill(SIGSTOP)
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // The length of the fault, not a wait for something.
                    try? await Task.sleep(for: .seconds(1))
                    process.kill(SIGCONT)
                }
                let value = try await body()
                try await group.waitForAll()
                return result(value)
            }
        }

        private func lateCount(_ injection: Injection, _ admin: Admin) async throws -> Double {
            let text = try await admin.get("notifications", "/metrics").body
            let labels = ["cause=\"\(injection.cause.stage)\"", "reason=\"\(injection.cause.reason)\""]
            return Exposition.value("notification_late_total", labels, in: text) ?? 0
        }
    }
}

extension Shop {
    /// Waits until an order's notification of an event is complete.
    func completedNotification(
        ofOrder id: String,
        event: String,
        within timeout: Duration = .seconds(60)
    ) async throws -> Contrail_Notifications_V1_Notification {
        var found: Contrail_Notifications_V1_Notification?
        _ = try await eventually(within: timeout) {
            found = try await tolerating { try await notifications(ofOrder: id).first { $0.eventType == event } } ?? nil
            return found?.hasCompletedAt == true
        }
        let complete = found.flatMap { $0.hasCompletedAt ? $0 : nil }
        return try #require(complete, "no complete notification of \(event) for order \(id) within \(timeout)")
    }
}
