internal import BenchHarness

/// Rows T1–T4 and M1–M3: the paths that a request of a service runs through, and a scrape.
///
/// The main function does not suspend: callgrind loses its way when the main thread ends for Dispatch's sake.
@main
enum Main {
    static func main() {
        let bench = Bench(arguments: CommandLine.arguments)
        spanRows(bench)
        standardAPIRows(bench)
        standardAPIAsyncRows(bench)
        propagationRows(bench)
        counterRows(bench)
        histogramRows(bench)
        scrapeRows(bench)
    }
}
