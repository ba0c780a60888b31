internal import ArgumentParser

/// `contrail signals`
struct SignalsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signals",
        abstract: "Lists every metric, span, attribute and log line of the services, in Markdown.",
        discussion: "Needs no running stack: the services' own parts declare what they record."
    )

    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await reporting { console in
            let catalogue = try await SignalCatalogue.make()
            console.print(String((output.json ? try catalogue.json() : catalogue.markdown()).dropLast()))
        }
    }
}
