internal import BenchHarness

/// Rows T5 and T6: encoding a batch, and a whole pipeline to a receiver.
///
///     contrail-encode T5 [--repeats n]
///     contrail-encode T6 --endpoint URL [--compression gzip] [--spans n]
@main
enum Main {
    static func main() async throws {
        let bench = Bench(arguments: CommandLine.arguments)
        if bench.wants("T5") { encodingRows(bench) }
        if bench.wants("T6"), let endpoint = bench.options["endpoint"] {
            try await pipelineRow(bench, endpoint: endpoint)
        }
    }
}
