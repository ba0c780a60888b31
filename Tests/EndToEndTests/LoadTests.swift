import Contracts
import ContrailCLI
import Foundation
import SwiftProtobuf
import TestKit
import Testing
import TraceBackend

extension EndToEnd {
    @Suite("Many orders at once", .stack)
    struct LoadTests {
        @Test("A thousand orders of sixteen clients are notified once each, every trace complete")
        func thousandOrders() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let traces = try await withThrowingTaskGroup(of: [(order: String, trace: String)].self) { group in
                    for client in 0..<16 {
                        // 8 clients place 63 orders and 8 place 62: a thousand.
                        let count = client < 8 ? 63 : 62
                        group.addTask {
                            var placed: [(order: String, trace: String)] = []
                            for _ in 0..<count {
                                let (order, trace) = try await shop.traced("contrail order create") {
                                    try await shop.createOrder(user: user.id)
                                }
                                placed.append((order.id, trace))
                            }
                            return placed
                        }
                    }
                    return try await group.reduce(into: []) { $0 += $1 }
                }
                #expect(traces.count == 1000)
                #expect(Set(traces.map(\.trace)).count == 1000)

                let notified = try await shop.allNotifications(ofUser: user.id, event: "order.created", count: 1000)
                #expect(notified.count == 1000)
                #expect(Set(notified.map(\.orderID)) == Set(traces.map(\.order)))
                #expect(Set(notified.map(\.eventID)).count == 1000)
                // Rows are unique by themselves; what customers were told is in the provider's log.
                let told = try shop.told(user: user.id, "Your order")
                #expect(told.count == 1000)
                #expect(Set(told).count == 1000)

                var incomplete: [String: [String]] = [:]
                for (_, trace) in traces {
                    let (_, journey) = try await shop.journey(trace)
                    if !journey.isComplete { incomplete[trace] = journey.missing }
                }
                #expect(
                    incomplete.isEmpty,
                    "\(incomplete.count) traces are incomplete, such as \(incomplete.prefix(1))"
                )
            }
        }
    }
}

extension Shop {
    /// Waits for a number of notifications of a user and reads them all.
    ///
    /// - Parameter timeout: How long to wait for another one.
    func allNotifications(
        ofUser user: String,
        event: String,
        count: Int,
        within timeout: Duration = .seconds(120)
    ) async throws -> [Contrail_Notifications_V1_Notification] {
        var found: [Contrail_Notifications_V1_Notification] = []
        var most = 0
        var deadline = ContinuousClock.now + timeout
        while true {
            found = try await tolerating { try await pages(ofUser: user).filter { $0.eventType == event } } ?? []
            guard found.count < count, ContinuousClock.now < deadline else { return found }
            if found.count > most {
                most = found.count
                deadline = .now + timeout
            }
            // To read tens of thousands again and again would be what they wait for.
            try await Task.sleep(for: .milliseconds(count > 2_000 ? 5_000 : 20))
        }
    }

    /// The notifications that the log provider has told a user, a line each, by their ids.
    ///
    /// - Parameter subject: What their subjects contain.
    func told(user: String, _ subject: String) throws -> [String] {
        let log = try String(
            contentsOfFile: "\(stack.configuration.directory)/services/notifications.log",
            encoding: .utf8
        )
        return try log.split(separator: "\n").compactMap { line in
            guard line.contains("notification delivered"), line.contains(user), line.contains(subject) else {
                return nil
            }
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return object?["notification.id"] as? String
        }
    }

    func pages(ofUser user: String) async throws -> [Contrail_Notifications_V1_Notification] {
        var all: [Contrail_Notifications_V1_Notification] = []
        var token = ""
        repeat {
            let page = try await notifications.listNotifications(
                .with { ($0.userID, $0.pageSize, $0.pageToken) = (user, 1000, token) }
            )
            all += page.notifications
            token = page.nextPageToken
        } while !token.isEmpty
        return all
    }
}
