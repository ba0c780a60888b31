internal import ArgumentParser
internal import Contracts
internal import Foundation
internal import GRPCCore
internal import SwiftProtobuf

/// `contrail explain`
struct ExplainCommand: AsyncParsableCommand {
    private typealias Service = Contrail_Notifications_V1_NotificationService.ClientProtocol
    private typealias Explanation = Contrail_Notifications_V1_ExplainNotificationResponse

    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says where the time of a notification went.",
        discussion: """
            Shows the stages from the call that caused it to its end, the longest one marked; the attempts that failed, \
            with the reason and the delay that followed; and by how much clocks disagreed. For an order: the same for each \
            of its notifications, oldest first.

            “contrail trace” shows the whole trace. A link to it is printed when CONTRAIL_TRACE_QUERY_URL names a Jaeger.
            """
    )

    @Argument(help: ArgumentHelp("The id of a notification, or of an order.", valueName: "id"))
    var id: String

    @OptionGroup var addresses: ServiceAddresses
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await reporting { console in
            let session = Session()
            let target = try addresses.notifications()
            let found = try await session.run("contrail explain") { _ in
                try await session.withNotifications(at: target) { try await explanations($0) }
            }
            let text = ExplanationText(
                columns: console.columns,
                color: console.color,
                traceURL: TraceLookup.isConfigured ? TraceLookup().url : nil
            )
            console.print(
                output.json ? try text.json(found) : found.map { text.render($0) }.joined(separator: "\n")
            )
        }
    }

    /// The notification's, or those of the order.
    private func explanations(_ notifications: any Service) async throws -> [Explanation] {
        do {
            return [try await notifications.explainNotification(.with { $0.id = id })]
        } catch let error as RPCError where error.code == .notFound {
            guard UUID(uuidString: id) != nil else { throw error }
        }
        var found: [Contrail_Notifications_V1_Notification] = []
        var token = ""
        repeat {
            let page = try await notifications.listNotifications(
                .with { ($0.orderID, $0.pageSize, $0.pageToken) = (id, 100, token) }
            )
            found += page.notifications
            token = page.nextPageToken
        } while !token.isEmpty
        guard !found.isEmpty else {
            throw Failure.refused(
                "there is no notification \(id), and no notification of an order with that id\n"
                    + "It may be under way; what was given up is shown by “contrail dead-letters list”."
            )
        }
        var explanations: [Explanation] = []
        for notification in found.reversed() {
            explanations.append(try await notifications.explainNotification(.with { $0.id = notification.id }))
        }
        return explanations
    }
}
