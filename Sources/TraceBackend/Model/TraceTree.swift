/// The spans of a trace as a tree: who caused what.
///
/// The tree is flat: nodes refer to one another by index, so that a trace of any depth needs no deep recursion.
public struct TraceTree: Sendable {
    /// A span and its place in the tree.
    public struct Node: Sendable {
        /// The span.
        public let span: TraceSpan
        /// The index of the parent in ``TraceTree/nodes``, or `nil` for a root or an orphan.
        public let parent: Int?
        /// The indices of the children, in order of their start.
        public internal(set) var children: [Int] = []
        /// The number of ancestors.
        public let depth: Int
    }

    /// All spans, every parent directly before its descendants, children in order of their start.
    public let nodes: [Node]
    /// The indices of the spans without a parent id.
    public let roots: [Int]
    /// The indices of the spans whose parent is not in the trace.
    public let orphans: [Int]
    /// What is wrong with the trace, the worst first.
    public let problems: [Problem]

    /// Builds the tree of a trace.
    ///
    /// - Parameters:
    ///   - trace: the trace.
    ///   - skewTolerance: how much earlier than its parent a child may start before that counts as a problem; clocks of
    ///     two hosts are never equal.
    public init(_ trace: Trace, skewTolerance: Duration = .milliseconds(1)) {
        let spans = trace.spans
        let indexOf = Dictionary(spans.indices.map { (spans[$0].spanID, $0) }, uniquingKeysWith: { first, _ in first })
        var childrenOf: [Int: [Int]] = [:]
        var rootSpans: [Int] = []
        var orphanSpans: [Int] = []
        for (index, span) in spans.enumerated() {
            if let parentID = span.parentSpanID {
                if let parent = indexOf[parentID], parent != index {
                    childrenOf[parent, default: []].append(index)
                } else {
                    orphanSpans.append(index)
                }
            } else {
                rootSpans.append(index)
            }
        }

        var walk = Walk(spans: spans, childrenOf: childrenOf)
        // Tops in order of time: a trace without its root still reads from the top down.
        for top in (rootSpans + orphanSpans).sorted() { walk.visit(top) }
        // What no top leads to is a loop of parents; it is cut at its earliest span.
        var loops: [Int] = []
        for index in spans.indices where walk.place[index] == nil {
            loops.append(index)
            walk.visit(index)
        }

        nodes = walk.nodes
        roots = rootSpans.compactMap { walk.place[$0] }
        orphans = (orphanSpans + loops).compactMap { walk.place[$0] }.sorted()
        problems = Self.problems(nodes: nodes, roots: roots, orphans: orphans, skewTolerance: skewTolerance)
    }

    /// The depth-first walk that puts the spans in order.
    private struct Walk {
        let spans: [TraceSpan]
        let childrenOf: [Int: [Int]]
        var nodes: [Node] = []
        var place: [Int: Int] = [:]

        mutating func visit(_ top: Int) {
            var stack: [(span: Int, parent: Int?)] = [(top, nil)]
            while let (index, parent) = stack.popLast() {
                guard place[index] == nil else { continue }
                let position = nodes.count
                place[index] = position
                if let parent { nodes[parent].children.append(position) }
                let depth = parent.map { nodes[$0].depth + 1 } ?? 0
                nodes.append(Node(span: spans[index], parent: parent, depth: depth))
                for child in (childrenOf[index] ?? []).reversed() { stack.append((child, position)) }
            }
        }
    }

    /// The indices of a node's descendants, in the order of ``nodes``.
    public func descendants(of index: Int) -> Range<Int> {
        var end = index + 1
        while end < nodes.count, nodes[end].depth > nodes[index].depth { end += 1 }
        return (index + 1)..<end
    }
}
