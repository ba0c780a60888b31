internal import ArgumentParser

/// `contrail slo`
struct SLOCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slo",
        abstract: "Makes Prometheus' rules of service level objectives.",
        subcommands: [Generate.self]
    )

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes the recording and alerting rules of the objectives.",
            discussion: """
                Reads Sloth's specification “prometheus/v1” with event-based indicators, and writes one file a service, \
                slo-SERVICE.yml. The rules have Sloth's names and labels, for a period of 30 days: the error ratios over \
                5m to 30d, the budget and what is left of it, and two alerts: a page when the budget burns 14.4 times too \
                fast for an hour or 6 times for 6 hours, a ticket for 3 times in a day or once in 3 days.

                Queries are rates per second with [{{.window}}]. A ratio without events is absent, never NaN. The \
                annotation minimum_bad_events keeps few failures among few events from alerting anybody.

                Exit codes: 0 done, 1 a specification is wrong or, with --check, a file differs.
                """
        )

        @Argument(
            help: ArgumentHelp("Specifications; all of \(SLOFiles.specifications) by default.", valueName: "spec")
        )
        var specifications: [String] = []

        @Option(help: ArgumentHelp("The folder to write to.", valueName: "folder"))
        var output = SLOFiles.rules

        @Flag(help: "Write nothing; fail when a file is not what would be written.")
        var check = false

        func run() async throws {
            try await reporting { console in
                let files = try SLOFiles(specifications, output: output)
                guard check else {
                    let written = try files.write()
                    for file in files.generated {
                        console.print("\(written.contains(file.path) ? "wrote" : "unchanged") \(file.path)")
                    }
                    return
                }
                let differences = files.differences()
                guard differences.isEmpty else {
                    throw Failure.refused(
                        differences.joined(separator: "\n") + "\nWrite them with “contrail slo generate”."
                    )
                }
                console.print("\(files.generated.count) files are as their specifications make them")
            }
        }
    }
}
