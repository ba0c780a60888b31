internal import Foundation

/// What the commands print: results to standard output, progress and errors to standard error.
struct Console: Sendable {
    /// Whether results may be coloured: on a terminal, unless `NO_COLOR` says otherwise.
    let color: Bool
    /// How wide results may be.
    let columns: Int

    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        let isTerminal = isatty(STDOUT_FILENO) == 1 && environment["TERM"] != "dumb"
        color = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
        var size = winsize()
        let asked = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size)
        let known = isTerminal && asked == 0 && size.ws_col > 0
        columns = known ? max(80, Int(size.ws_col)) : environment["COLUMNS"].flatMap { Int($0) } ?? 120
    }

    /// Prints a result.
    func print(_ text: String) {
        // Whoever reads may have gone, as in “contrail demo | head”.
        try? FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
    }

    /// Tells what is going on.
    func progress(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }

    /// Tells what went wrong.
    func error(_ text: String) {
        let isTerminal = isatty(STDERR_FILENO) == 1 && color
        progress(isTerminal ? "\u{1B}[31merror:\u{1B}[0m \(text)" : "error: \(text)")
    }

    /// Makes a word stand out.
    func bold(_ text: String) -> String {
        color ? "\u{1B}[1m\(text)\u{1B}[0m" : text
    }

    /// Aligns rows in columns.
    func table(_ rows: [[String]], indent: Int = 2) -> String {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.enumerated().map { index, cell in
                index == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }
            return String(repeating: " ", count: indent) + cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
