import Contracts
import ContrailCLI
import Foundation
import HTTPTransport
import LocalStack
import SwiftProtobuf
import TestKit
import Testing
import TraceBackend

extension EndToEnd {
    @Suite(
        "The journey of a notification",
        .python,
        .peer(.mailSink),
        .stack { _ in
            [
                "CONTRAIL_NOTIFICATION_PROVIDER": "smtp",
                "CONTRAIL_SMTP_URL": "smtp://127.0.0.1:\(Peer.running[.mailSink]?.port ?? 0)",
            ]
        }
    )
    struct NotificationJourneyTests {
        private static let untroubled = 900
        /// Refused twice by the mail server, and taken at the third attempt.
        private static let redelivered = 100

        @Test("The stages of a thousand notifications are the same in row, span, metric and waits, and add up")
        func stages() async throws {
            let stack = try Stack.required()
            // Exemplars are collected from the first scrape that shows them.
            _ = try await Admin(stack).openMetrics("notifications")
            try await Shop.open(stack) { shop in
                let user = try await shop.createUser()
                let busy = try await shop.createUser(email: "busy-\(UUID().uuidString.lowercased())@example.com")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (user, count) in [(user, Self.untroubled), (busy, Self.redelivered)] {
                        for client in 0..<4 {
                            group.addTask {
                                for number in 0..<count where number % 4 == client {
                                    _ = try await shop.createOrderPatiently(user: user.id, key: "\(number)") {}
                                }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let rows =
                    try await shop.completedNotifications(ofUser: user.id, count: Self.untroubled + 1)
                    + shop.completedNotifications(ofUser: busy.id, count: Self.redelivered + 1)
                #expect(rows.count == Self.untroubled + Self.redelivered + 2)
                // The fault happened.
                #expect(rows.count { $0.attempts == 3 } >= Self.redelivered)

                var deviations: [Double] = []
                for row in rows {
                    let sum = row.stages.reduce(0) { $0 + $1.duration.nanoseconds }
                    #expect(sum == row.endToEnd.nanoseconds)
                    deviations.append(try await expectSameInTrace(row, shop))
                }
                // The spans are made a moment before or after the instants of the journey; on a busy machine that moment
                // may be long for some.
                #expect(deviations.count { $0 <= 1 } >= rows.count * 99 / 100, "\(deviations.sorted().suffix(20))")
                try await expectSameInMetrics(rows, Admin(stack))
            }
        }

        /// Compares a row with the spans of its trace: the attributes, the waits, and the time from first to last.
        ///
        /// - Returns: How far the time from first to last is from the row's, as a share of what is allowed.
        private func expectSameInTrace(
            _ row: Contrail_Notifications_V1_Notification,
            _ shop: Shop
        ) async throws -> Double {
            let seconds = Dictionary(uniqueKeysWithValues: row.stages.map { ($0.name, $0.duration.seconds9) })
            var events: [TraceSpan] = []
            let isThere = await eventually(within: .seconds(20)) {
                events = (shop.stack.traces.trace(row.traceID)?.spans ?? []).filter { $0.isAbout(row.eventID) }
                return events.contains { $0.doubles["contrail.journey.duration"] != nil }
            }
            #expect(isThere, "the trace of \(row.id) has no process span with a journey")
            let attempts = events.filter { $0.name.hasPrefix("process ") }
            let process = try #require(attempts.max { $0.startNanoseconds < $1.startNanoseconds })
            for (stage, value) in seconds {
                #expect(isClose(process.doubles["contrail.stage.\(stage).duration"], value), "\(stage) of \(row.id)")
            }
            #expect(isClose(process.doubles["contrail.journey.duration"], row.endToEnd.seconds9))
            for (name, stage) in [
                ("outbox wait", "outbox_wait"), ("stream wait", "stream_wait"), ("redelivery wait", "redelivery_wait"),
            ] {
                let waits = events.filter { $0.name == name && $0.doubles["contrail.clock_skew"] == nil }
                let sum = waits.reduce(0) { $0 + Double($1.durationNanoseconds) / 1e9 }
                #expect(isClose(sum, seconds[stage] ?? 0), "\(name) of \(row.id): \(sum), not \(seconds[stage] ?? 0)")
            }
            // From the arrival of the call until the event was acknowledged, by the spans' own times.
            let spans = shop.stack.traces.trace(row.traceID)?.spans ?? []
            let call = try #require(spans.first { $0.kind == .server && $0.name.contains("/Create") })
            let record = spans.filter { $0.name == "record" && $0.parentSpanID == process.spanID }
            let end = try #require(record.map(\.endNanoseconds).max())
            let total = Double(end - call.startNanoseconds) / 1e9
            return abs(total - row.endToEnd.seconds9) / max(0.005, total / 100)
        }

        private func isClose(_ left: Double?, _ right: Double) -> Bool {
            // What is left of nanoseconds in a double, and the database's microseconds.
            left.map { abs($0 - right) <= 2e-6 } ?? false
        }

        private func expectSameInMetrics(_ rows: [Contrail_Notifications_V1_Notification], _ admin: Admin) async throws
        {
            let text = try await admin.get("notifications", "/metrics").body
            for stage in rows.first?.stages.map(\.name) ?? [] {
                let expected = rows.reduce(0) { sum, row in
                    sum + (row.stages.first { $0.name == stage }?.duration.seconds9 ?? 0)
                }
                let labels = ["stage=\"\(stage)\""]
                #expect(Exposition.value("notification_stage_duration_seconds_count", labels, in: text) == 1002)
                let sum = Exposition.value("notification_stage_duration_seconds_sum", labels, in: text) ?? 0
                #expect(abs(sum - expected) <= 1e-6 * Double(rows.count), "\(stage): \(sum), not \(expected)")
            }
            let openMetrics = try await admin.openMetrics("notifications")
            let traces = Set(rows.map(\.traceID))
            let exemplars = openMetrics.split(separator: "\n").filter {
                $0.hasPrefix("notification_stage_duration_seconds_bucket") && $0.contains("# {trace_id=")
            }
            #expect(!exemplars.isEmpty)
            #expect(exemplars.allSatisfy { line in traces.contains { line.contains($0) } })
        }

        @Test("An attempt links to the one before it, also when another process made that")
        func attemptsAcrossProcesses() async throws {
            let stack = try Stack.required()
            try await Shop.open(stack) { shop in
                let user = try await shop.createUser(email: "busy-\(UUID().uuidString.lowercased())@example.com")
                let (order, traceID) = try await shop.traced("order") { try await shop.createOrder(user: user.id) }
                func attempts() -> [TraceSpan] {
                    (stack.traces.trace(traceID)?.spans ?? []).filter { $0.name == "process order.created" }
                        .sorted { $0.startNanoseconds < $1.startNanoseconds }
                }
                #expect(await eventually { !attempts().isEmpty })
                #expect(await stack.service("notifications").kill() == .signalled(SIGKILL))
                try await stack.service("notifications").restart()
                let row = try await shop.completedNotification(ofOrder: order.id, event: "order.created")
                #expect(row.attempts >= 3)
                #expect(await eventually { attempts().count >= 3 })
                let spans = attempts()
                let instances = Set(spans.map { $0.resource["service.instance.id"]?.stringValue })
                #expect(instances.count == 2, "one process made all attempts")
                for (previous, next) in zip(spans, spans.dropFirst()) {
                    let link = next.links.first { $0.spanID == previous.spanID }
                    #expect(link?.attributes["contrail.retry.reason"]?.stringValue == "smtp_451")
                }
                let explained = try await shop.notifications.explainNotification(.with { $0.id = row.id })
                #expect(explained.failedAttempts.map(\.reason) == Array(repeating: "smtp_451", count: spans.count - 1))
                #expect(explained.failedAttempts.map(\.spanID) == spans.dropLast().map(\.spanID))
            }
        }

        @Test("The books balance: what was requested is pending, delivered or dead")
        func books() async throws {
            let stack = try Stack.required()
            let admin = Admin(stack)
            try await Shop.open(stack) { shop in
                let user = try await shop.createUser()
                let refused = try await shop.createUser(email: "refused-\(UUID().uuidString.lowercased())@example.com")
                for user in [user, refused] { for _ in 0..<5 { _ = try await shop.createOrder(user: user.id) } }
                _ = try await shop.completedNotifications(ofUser: user.id, count: 6)
                var ledger: [String: Double] = [:]
                let isBalanced = try await eventually(within: .seconds(60)) {
                    ledger = [:]
                    for service in ["users", "orders", "notifications"] {
                        let text = try await admin.get(service, "/metrics").body
                        for state in ["requested", "pending", "delivered", "dead_lettered"] {
                            ledger[state, default: 0] +=
                                Exposition.value("notification_ledger", ["state=\"\(state)\""], in: text) ?? 0
                        }
                    }
                    let settled = (ledger["pending"] ?? 0) + (ledger["delivered"] ?? 0) + (ledger["dead_lettered"] ?? 0)
                    return ledger["requested"] == settled && ledger["pending"] == 0
                        && (ledger["dead_lettered"] ?? 0) >= 6
                }
                #expect(isBalanced, "\(ledger)")
            }
        }
    }
}

extension Shop {
    /// Waits until a number of a user's notifications are complete, and reads them.
    func completedNotifications(
        ofUser user: String,
        count: Int
    ) async throws -> [Contrail_Notifications_V1_Notification] {
        var found: [Contrail_Notifications_V1_Notification] = []
        _ = try await eventually(within: .seconds(120)) {
            found = try await tolerating { try await pages(ofUser: user).filter(\.hasCompletedAt) } ?? []
            return found.count >= count
        }
        #expect(found.count == count)
        return found
    }
}

extension Google_Protobuf_Duration {
    var nanoseconds: Int64 { seconds * 1_000_000_000 + Int64(nanos) }
    /// Seconds with their fraction.
    var seconds9: Double { Double(nanoseconds) / 1e9 }
}

extension TraceSpan {
    /// The attributes that are numbers with a fraction.
    fileprivate var doubles: [String: Double] {
        attributes.compactMapValues { if case .double(let value) = $0 { value } else { nil } }
    }

    fileprivate func isAbout(_ event: String) -> Bool {
        attributes["messaging.message.id"]?.stringValue == event
    }
}
