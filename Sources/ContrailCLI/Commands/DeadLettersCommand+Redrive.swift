internal import ArgumentParser
internal import Contracts
internal import SwiftProtobuf

extension DeadLettersCommand {
    struct Redrive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends dead letters on their way again, in their old traces.",
            discussion: """
                Says for each what was done. Repeating it does no harm: a letter that is gone is no error, and an event \
                that was handled meanwhile is recognised. What is given up again while the command runs is left alone.

                Exit code: 1 when one of them failed; it is still a dead letter then.
                """
        )

        @Argument(help: "The dead letters' numbers, as “list” prints them.")
        var sequences: [UInt64] = []

        @Flag(help: "All of them, or all that the filters let through.")
        var all = false

        @OptionGroup var filter: DeadLetterFilter

        @Flag(help: "Only say what would be done.")
        var dryRun = false

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard all != !sequences.isEmpty else {
                throw ValidationError("name dead letters by their numbers, or write --all; not both")
            }
            guard all || filter.isEmpty else { throw ValidationError("--reason and --type go with --all only") }
        }

        func run() async throws {
            try await reporting { console in
                let session = Session()
                let target = try addresses.notifications()
                let text = DeadLetterText(console: console)
                let isJSON = output.json
                let tally = RedriveTally()
                do {
                    try await session.run("contrail dead-letters redrive") { _ in
                        try await session.withNotifications(at: target) { notifications in
                            try await batches(notifications) { batch, isLast in
                                tally.add(batch)
                                if !isJSON, !batch.isEmpty { console.print(text.results(batch)) }
                                if !isLast { console.progress("\(tally.count) so far …") }
                            }
                        }
                    }
                } catch {
                    // What was done is told, whatever stopped the rest.
                    if isJSON, tally.count > 0 { console.print(try tally.response.jsonString()) }
                    throw error
                }
                console.print(isJSON ? try tally.response.jsonString() : tally.summary)
                if tally.hasFailures { throw ExitCode(1) }
            }
        }

        /// Redrives in calls that end in time, however many letters there are.
        private func batches(
            _ notifications: any Contrail_Notifications_V1_NotificationService.ClientProtocol,
            _ done: (_ results: [Contrail_Notifications_V1_RedriveResult], _ isLast: Bool) -> Void
        ) async throws {
            if all {
                var token = ""
                repeat {
                    let response = try await notifications.redriveDeadLetters(
                        .with {
                            $0.all = true
                            $0.reason = filter.reason
                            $0.eventType = filter.type
                            $0.dryRun = dryRun
                            $0.pageToken = token
                        }
                    )
                    token = response.nextPageToken
                    done(response.results, token.isEmpty)
                } while !token.isEmpty
                return
            }
            for start in stride(from: 0, to: sequences.count, by: 50) {
                let end = min(start + 50, sequences.count)
                let response = try await notifications.redriveDeadLetters(
                    .with {
                        $0.sequences = Array(sequences[start..<end])
                        $0.dryRun = dryRun
                    }
                )
                done(response.results, end == sequences.count)
            }
        }
    }
}
