/// A bar on a time axis, one character per cell.
package struct Bar {
    /// The number of cells.
    package let width: Int
    /// The time that the whole axis stands for, in nanoseconds.
    package let total: UInt64

    package init(width: Int, total: UInt64) {
        self.width = width
        self.total = total
    }

    /// Draws periods of time.
    ///
    /// A period covers every cell that it touches by half; one that is shorter is a thin line, so that nothing which
    /// happened is invisible.
    package func draw(_ periods: [(start: UInt64, end: UInt64)], fill: Character) -> String {
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
    package var scale: String {
        let end = TimeText.short(total)
        let line = String(repeating: "─", count: max(0, width - 3 - TerminalText.width(end)))
        return TerminalText.fitted("0 " + line + " " + end, to: width, right: true)
    }

    private func position(_ time: UInt64) -> Double {
        total == 0 ? 0 : min(1, Double(time) / Double(total)) * Double(width)
    }
}
