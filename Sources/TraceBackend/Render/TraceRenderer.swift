/// Writes traces and journeys for a terminal.
public struct TraceRenderer: Sendable {
    /// The width of the terminal in columns, at least 50.
    public var columns: Int
    /// Whether to write ANSI colours; the caller knows whether the output is a terminal and what `NO_COLOR` says.
    public var color: Bool

    /// Creates a renderer.
    public init(columns: Int = 120, color: Bool = false) {
        self.columns = max(50, columns)
        self.color = color
    }

    var paint: Paint { Paint(isOn: color) }

    /// Writes a trace as a tree of spans with a time axis, followed by what is wrong with it.
    ///
    /// Failed spans have a `✗` and their message; bars of waits are lighter than bars of work. Calls are named by
    /// service and method without the package; long names end in `…`.
    ///
    /// - Parameter trace: the trace.
    /// - Returns: lines that are at most ``columns`` wide, each with its line end.
    public func render(_ trace: Trace) -> String {
        let tree = TraceTree(trace)
        let layout = Layout(tree: tree, trace: trace, columns: columns)
        var lines = header(trace, problems: tree.problems.count)
        lines += ["", paint(layout.heading, .dim)]
        for index in tree.nodes.indices {
            lines.append(row(index, of: tree, in: trace, layout: layout))
        }
        if !tree.problems.isEmpty {
            lines += list("problems", tree.problems.map(\.description))
        }
        return lines.map { trimmed($0) + "\n" }.joined()
    }

    private func header(_ trace: Trace, problems: Int) -> [String] {
        let errors = trace.spans.count { $0.isError }
        var parts = [
            TimeText.short(trace.durationNanoseconds),
            count(trace.spans.count, "span"),
            count(trace.services.count, "service"),
        ]
        if errors > 0 { parts.append(count(errors, "error")) }
        if problems > 0 { parts.append(count(problems, "problem")) }
        let title = "trace " + trace.id + "  " + TimeText.moment(trace.startNanoseconds)
        return [paint(TerminalText.truncated(title, to: columns), .bold)]
            + TerminalText.wrapped(parts.joined(separator: " · "), to: columns)
    }

    private func row(_ index: Int, of tree: TraceTree, in trace: Trace, layout: Layout) -> String {
        let span = tree.nodes[index].span
        let service = TerminalText.fitted(TerminalText.printable(span.service), to: layout.service)
        let serviceStyle = layout.serviceIndex[span.service].map(Paint.style(ofService:))
        let start = span.startNanoseconds - trace.startNanoseconds
        var line = paint(service, serviceStyle) + "  " + nameCell(index, of: tree, width: layout.name)
        if layout.kind > 0 {
            let kind = span.kind == .unspecified ? "" : span.kind.rawValue
            line += "  " + paint(TerminalText.fitted(kind, to: layout.kind), .dim)
        }
        line += "  " + TerminalText.fitted(TimeText.short(start), to: Layout.time, right: true)
        line += "  " + TerminalText.fitted(TimeText.short(span.durationNanoseconds), to: Layout.time, right: true)
        if let bar = layout.bar {
            let period = (start: start, end: start + span.durationNanoseconds)
            let drawn = bar.draw([period], fill: span.isWait ? "░" : "█")
            line += "  " + paint(drawn, span.isError ? .red : span.isWait ? .yellow : serviceStyle)
        }
        return line
    }

    /// The tree lines, the name, and for a failed span its message.
    private func nameCell(_ index: Int, of tree: TraceTree, width: Int) -> String {
        let span = tree.nodes[index].span
        // A very deep tree would leave no room for names, so its lines are cut.
        let lines = TerminalText.truncated(Layout.treeLines(index, of: tree), to: max(width / 2, width - 16))
        let room = width - TerminalText.width(lines)
        let name = Layout.shortName(span)
        guard span.isError else {
            return paint(lines, .dim) + TerminalText.fitted(name, to: room)
        }
        let marked = "✗ " + name
        let message = TerminalText.printable(span.status.message)
        let shown = TerminalText.truncated(marked, to: room)
        let left = room - TerminalText.width(shown)
        // A message of a few letters and a `…` says nothing.
        guard !message.isEmpty, left >= 8 else {
            return paint(lines, .dim) + paint(shown, .boldRed) + String(repeating: " ", count: left)
        }
        return paint(lines, .dim) + paint(shown, .boldRed) + paint(TerminalText.fitted("  " + message, to: left), .red)
    }

    func list(_ title: String, _ items: [String]) -> [String] {
        var lines = ["", paint(title, .boldYellow)]
        for item in items {
            let wrapped = TerminalText.wrapped(TerminalText.printable(item), to: columns - 4)
            for (number, text) in wrapped.enumerated() { lines.append((number == 0 ? "  • " : "    ") + text) }
        }
        return lines
    }

    func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }

    func trimmed(_ line: String) -> Substring {
        var end = line.endIndex
        while end > line.startIndex, line[line.index(before: end)] == " " { end = line.index(before: end) }
        return line[..<end]
    }
}
