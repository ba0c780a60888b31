internal import ArgumentParser
internal import Contracts
internal import SwiftProtobuf

/// `contrail dead-letters`
struct DeadLettersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Shows events that were given up, and sends them on their way again.",
        discussion: """
            An event that can never be handled, or has failed too often, is kept for 30 days in the stream DEAD_LETTERS \
            with its story. Once the cause is gone, redrive it: its notification is part of the trace that it had.
            """,
        subcommands: [List.self, Show.self, Redrive.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists dead letters, oldest first.")

        @OptionGroup var filter: DeadLetterFilter

        @Option(help: "The most lines, 1 to 100,000.")
        var limit = 50

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (1...100_000).contains(limit) else { throw ValidationError("--limit must be 1 to 100,000") }
        }

        func run() async throws {
            try await reporting { console in
                let session = Session()
                let target = try addresses.notifications()
                let found = try await session.run("contrail dead-letters list") { _ in
                    try await session.withNotifications(at: target) { try await pages($0) }
                }
                if output.json { return console.print(try found.jsonString()) }
                console.print(DeadLetterText(console: console).list(found))
                if !found.nextPageToken.isEmpty { console.progress("There are more; raise --limit.") }
            }
        }

        /// Asks for page after page until the limit is reached.
        private func pages(
            _ notifications: any Contrail_Notifications_V1_NotificationService.ClientProtocol
        ) async throws -> Contrail_Notifications_V1_ListDeadLettersResponse {
            var found = Contrail_Notifications_V1_ListDeadLettersResponse()
            repeat {
                let page = try await notifications.listDeadLetters(
                    .with {
                        $0.reason = filter.reason
                        $0.eventType = filter.type
                        $0.pageSize = Int32(min(500, limit - found.deadLetters.count))
                        $0.pageToken = found.nextPageToken
                    }
                )
                found.deadLetters += page.deadLetters
                found.nextPageToken = page.nextPageToken
                found.total = page.total
            } while !found.nextPageToken.isEmpty && found.deadLetters.count < limit
            return found
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a dead letter's story, headers and payload.",
            discussion: """
                The payload of one of our events is shown by its fields. What is about a person, such as a name, is not \
                shown, nor are credentials in headers.
                """
        )

        @Argument(help: "The dead letter's number, as “list” prints it.")
        var sequence: UInt64

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reporting { console in
                let session = Session()
                let target = try addresses.notifications()
                let found = try await session.run("contrail dead-letters show") { _ in
                    try await session.withNotifications(at: target) { notifications in
                        try await notifications.getDeadLetter(.with { $0.sequence = sequence })
                    }
                }
                let text = DeadLetterText(console: console)
                console.print(output.json ? try text.json(found) : text.show(found))
            }
        }
    }
}

/// Which dead letters are meant.
struct DeadLetterFilter: ParsableArguments {
    @Option(help: "Only those that were given up for this reason, such as undecodable.")
    var reason = ""

    @Option(help: "Only events of this type, such as order.shipped.")
    var type = ""

    var isEmpty: Bool { reason.isEmpty && type.isEmpty }
}
