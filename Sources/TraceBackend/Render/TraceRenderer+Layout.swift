extension TraceRenderer {
    /// The widths of the columns of a trace.
    struct Layout {
        /// The width of a start or a duration; the longest is `999 ms` or `59m 59s`.
        static let time = 8
        private static let gap = 2
        private static let smallestBar = 24
        private static let largestBar = 48

        let service: Int
        let name: Int
        /// Zero when there is no room for the kinds.
        let kind: Int
        let bar: Bar?
        let serviceIndex: [String: Int]

        init(tree: TraceTree, trace: Trace, columns: Int) {
            let services = trace.services
            serviceIndex = Dictionary(uniqueKeysWithValues: services.enumerated().map { ($1, $0) })
            service = min(16, max(7, services.map { TerminalText.width(TerminalText.printable($0)) }.max() ?? 0))
            kind = columns >= 80 ? 8 : 0
            let fixed = service + (kind > 0 ? kind + Self.gap : 0) + 2 * (Self.time + Self.gap) + Self.gap
            let wanted = tree.nodes.indices.map { Self.wantedWidth($0, of: tree) }.max() ?? 0
            let room = columns - fixed
            if columns >= 100 {
                let name = max(24, min(wanted, room - Self.gap - Self.smallestBar))
                self.name = name
                let cells = min(Self.largestBar, room - Self.gap - name)
                bar = Bar(width: cells, total: trace.durationNanoseconds)
            } else {
                name = max(12, min(wanted, room))
                bar = nil
            }
        }

        var heading: String {
            var line = TerminalText.fitted("SERVICE", to: service) + "  " + TerminalText.fitted("SPAN", to: name)
            if kind > 0 { line += "  " + TerminalText.fitted("KIND", to: kind) }
            line += "  " + TerminalText.fitted("START", to: Self.time, right: true)
            line += "  " + TerminalText.fitted("DURATION", to: Self.time, right: true)
            if let bar { line += "  " + bar.scale }
            return line
        }

        private static func wantedWidth(_ index: Int, of tree: TraceTree) -> Int {
            let span = tree.nodes[index].span
            let name = 3 * tree.nodes[index].depth + TerminalText.width(shortName(span))
            guard span.isError else { return name }
            return name + 2 + (span.status.message.isEmpty ? 0 : min(24, 2 + TerminalText.width(span.status.message)))
        }

        /// The name as it is shown: `contrail.users.v1.UserService/GetUser` is `UserService/GetUser`, because the
        /// package says nothing new on every line and takes the room of the bars.
        static func shortName(_ span: TraceSpan) -> String {
            let name = TerminalText.printable(span.name)
            guard span.kind == .client || span.kind == .server, let slash = name.firstIndex(of: "/"),
                !name[..<slash].contains(" "), let dot = name[..<slash].lastIndex(of: ".")
            else { return name }
            return String(name[name.index(after: dot)...])
        }

        /// The lines that lead from the parent to a span, for example `│  └─ `.
        static func treeLines(_ index: Int, of tree: TraceTree) -> String {
            var parts: [String] = []
            var current = index
            while let parent = tree.nodes[current].parent, parts.count < 64 {
                let isLast = tree.nodes[parent].children.last == current
                parts.append(current == index ? (isLast ? "└─ " : "├─ ") : (isLast ? "   " : "│  "))
                current = parent
            }
            return parts.reversed().joined()
        }
    }
}
