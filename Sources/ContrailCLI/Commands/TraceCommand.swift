internal import ArgumentParser
internal import Foundation
internal import TraceBackend

/// `contrail trace`
struct TraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Shows a trace as a tree, and where the time of its notification went.",
        discussion: "Asks the local stack, or the Jaeger that CONTRAIL_TRACE_QUERY_URL names."
    )

    @Argument(help: "The trace's id: 32 hex digits.")
    var id: String

    @Option(help: "Explain this event, by its type or id; the first that was published by default.")
    var event: String?

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard id.count == 32, id.allSatisfy(\.isHexDigit) else {
            throw ValidationError("“\(id)” is no trace id; it has 32 hex digits")
        }
    }

    func run() async throws {
        try await reporting { console in
            let lookup = TraceLookup()
            guard let trace = try await lookup.trace(id.lowercased()) else {
                throw Failure.refused("there is no trace \(id) at \(lookup.url)")
            }
            let journey = Journey(trace, event: event)
            if output.json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                let data = try encoder.encode(TraceReport(trace: trace, journey: journey))
                return console.print(String(decoding: data, as: UTF8.self))
            }
            let renderer = TraceRenderer(columns: console.columns, color: console.color)
            console.print(renderer.render(trace))
            if journey.event != nil { console.print(renderer.render(journey)) }
        }
    }
}

/// What `contrail trace --json` prints.
struct TraceReport: Encodable {
    let trace: Trace
    let journey: Journey
}
