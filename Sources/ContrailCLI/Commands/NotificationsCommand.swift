internal import ArgumentParser
internal import Contracts
internal import Foundation
internal import SwiftProtobuf

/// `contrail notifications`
struct NotificationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notifications",
        abstract: "Shows what was sent to customers.",
        subcommands: [List.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists notifications, newest first.")

        @Option(help: "Only this customer's.")
        var user = ""

        @Option(help: "Only this order's.")
        var order = ""

        @Option(help: "The most lines, 1 to 1,000.")
        var limit: Int32 = 50

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (1...1000).contains(limit) else { throw ValidationError("--limit must be 1 to 1,000") }
        }

        func run() async throws {
            try await reporting { console in
                let session = Session()
                let target = try addresses.notifications()
                let page = try await session.run("contrail notifications list") { _ in
                    try await session.withNotifications(at: target) { notifications in
                        try await notifications.listNotifications(
                            .with {
                                $0.userID = user
                                $0.orderID = order
                                $0.pageSize = limit
                            }
                        )
                    }
                }
                if output.json { return console.print(try page.jsonString()) }
                guard !page.notifications.isEmpty else { return console.print("no notifications") }
                let header = ["DELIVERED", "EVENT", "TOOK", "ATTEMPTS", "CHANNEL", "ORDER", "TRACE"]
                console.print(console.table([header] + page.notifications.map(\.row), indent: 0))
                if !page.nextPageToken.isEmpty {
                    console.progress("There are more; raise --limit.")
                }
            }
        }
    }
}

extension Contrail_Notifications_V1_Notification {
    fileprivate var row: [String] {
        [
            deliveredAt.date.formatted(.iso8601),
            eventType,
            took,
            String(attempts),
            channel,
            orderID.isEmpty ? "–" : orderID,
            traceID,
        ]
    }

    /// From the event to its delivery.
    private var took: String {
        let milliseconds = deliveredAt.date.timeIntervalSince(occurredAt.date) * 1000
        return milliseconds < 10_000
            ? "\(Int(milliseconds.rounded())) ms" : "\((milliseconds / 100).rounded() / 10) s"
    }
}
