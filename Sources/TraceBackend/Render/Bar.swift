/// A bar on a time axis, one character per cell.
struct Bar {
    /// The number of cells.
    let width: Int
    /// The time that the whole axis stands for, in nanoseconds.
    let total: UInt64

    /// Draws periods of time.
    ///
    /// A period covers every cell that it touches by half; one that is shorter is a thin line, so that nothing which
    /// happened is invisible.
    func draw(_ periods: [(start: UInt64, end: UInt64)], fill: Character) -> String {
        var cells = [Character](repeating: " ", count: width)
        for period in periods {
            let start = position(period.start)
            let end = position(period.end)
            let first = Int(start.rounded())
            let last = Int(end.rounded())
            if last > first {
                for cell in first..<min(last, width) { cells[cell] = fill }
            } else {
                let cell = min(Int(start), width - 1)
                if cells[cell] == " " { cells[cell] = "▏" }
            }
        }
        return String(cells)
    }

    /// The scale above the bars: zero at the left, the whole time at the right.
    var scale: String {
        let end = TimeText.short(total)
        let line = String(repeating: "─", count: max(0, width - 3 - TerminalText.width(end)))
        return TerminalText.fitted("0 " + line + " " + end, to: width, right: true)
    }

    private func position(_ time: UInt64) -> Double {
        total == 0 ? 0 : min(1, Double(time) / Double(total)) * Double(width)
    }
}
