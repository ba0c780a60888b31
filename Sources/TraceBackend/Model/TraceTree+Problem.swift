extension TraceTree {
    /// Something about a trace that a reader should know before trusting it.
    public enum Problem: Sendable, Hashable, CustomStringConvertible {
        /// No span is without a parent: the beginning is missing.
        case noRoot
        /// More than one span is without a parent; holds how many.
        case severalRoots(Int)
        /// A span's parent is not in the trace.
        case orphan(name: String, service: String, parentSpanID: String)
        /// A span starts before the span that caused it, by more than the tolerance: two clocks disagree.
        case startsBeforeParent(name: String, service: String, parentService: String, nanoseconds: UInt64)
        /// A span ends before it starts: a clock was set.
        case endsBeforeStart(name: String, service: String, nanoseconds: UInt64)

        /// The problem as a phrase.
        public var description: String {
            switch self {
            case .noRoot: "no root span"
            case .severalRoots(let count): "\(count) roots"
            case .orphan(let name, let service, let parent):
                "orphan span `\(name)` of \(service): its parent \(parent) is not in the trace"
            case .startsBeforeParent(let name, let service, let parentService, let nanoseconds):
                service == parentService
                    ? "`\(name)` of \(service) starts \(TimeText.short(nanoseconds)) before its parent"
                    : "clock skew: `\(name)` of \(service) starts \(TimeText.short(nanoseconds)) before its parent in "
                        + parentService
            case .endsBeforeStart(let name, let service, let nanoseconds):
                "clock skew: `\(name)` of \(service) ends \(TimeText.short(nanoseconds)) before it starts"
            }
        }
    }

    static func problems(nodes: [Node], roots: [Int], orphans: [Int], skewTolerance: Duration) -> [Problem] {
        guard !nodes.isEmpty else { return [.noRoot] }
        var problems: [Problem] = []
        if roots.isEmpty { problems.append(.noRoot) }
        if roots.count > 1 { problems.append(.severalRoots(roots.count)) }
        for index in orphans {
            let span = nodes[index].span
            problems.append(
                .orphan(name: span.name, service: span.service, parentSpanID: span.parentSpanID ?? "")
            )
        }
        let tolerance = TimeText.nanoseconds(skewTolerance)
        for node in nodes {
            let span = node.span
            if let parent = node.parent.map({ nodes[$0].span }), parent.startNanoseconds > span.startNanoseconds,
                parent.startNanoseconds - span.startNanoseconds > tolerance
            {
                problems.append(
                    .startsBeforeParent(
                        name: span.name,
                        service: span.service,
                        parentService: parent.service,
                        nanoseconds: parent.startNanoseconds - span.startNanoseconds
                    )
                )
            }
            if span.endNanoseconds < span.startNanoseconds {
                problems.append(
                    .endsBeforeStart(
                        name: span.name,
                        service: span.service,
                        nanoseconds: span.startNanoseconds - span.endNanoseconds
                    )
                )
            }
        }
        return problems
    }
}
