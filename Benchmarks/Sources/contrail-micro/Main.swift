internal import BenchHarness

/// Rows T1–T4 and M1–M3: the paths that a request of a service runs through, and a scrape.
@main
enum Main {
    static func main() async {
        let bench = Bench(arguments: CommandLine.arguments)
        spanRows(bench)
        standardAPIRows(bench)
        await standardAPIAsyncRows(bench)
        propagationRows(bench)
        counterRows(bench)
        histogramRows(bench)
        scrapeRows(bench)
    }
}
