internal import Testing
internal import TraceBackend

@Suite("Trace tree")
struct TraceTreeTests {
    @Test("A complete trace has one root, no orphans and no problems")
    func complete() throws {
        let tree = TraceTree(SyntheticOrder.order().trace)
        #expect(tree.roots == [0])
        #expect(tree.orphans.isEmpty)
        #expect(tree.problems.isEmpty)
        #expect(tree.nodes.first?.span.name == "contrail demo")
        let publish = try #require(tree.nodes.firstIndex { $0.span.kind == .producer })
        let children = tree.nodes[publish].children.map { tree.nodes[$0].span.name }
        #expect(children == ["stream wait", "process order.created"])
        #expect(tree.descendants(of: 0) == 1..<tree.nodes.count)
    }

    @Test("A span whose parent is absent is an orphan, and its children stay below it")
    func orphan() throws {
        let tree = TraceTree(SyntheticOrder.order().without("publish order.created"))
        let names = tree.orphans.map { tree.nodes[$0].span.name }
        #expect(names == ["stream wait", "process order.created"])
        #expect(tree.problems.count == 2)
        let problem = try #require(tree.problems.first).description
        #expect(problem.hasPrefix("orphan span `stream wait` of notifications: its parent"))
        let record = try #require(tree.nodes.first { $0.span.name == "record" })
        #expect(record.depth == 1)
    }

    @Test("Two roots and no root are problems")
    func roots() {
        var order = SyntheticOrder.order()
        order.add("another", of: "contrail", from: 10, to: 20)
        #expect(TraceTree(order.trace).problems.map(\.description) == ["2 roots"])
        let headless = TraceTree(SyntheticOrder.order().without("contrail demo"))
        #expect(headless.problems.first == .noRoot)
        #expect(TraceTree(Trace(id: SyntheticOrder.traceID, spans: [])).problems == [.noRoot])
    }

    @Test("Parents in a loop do not hang; every span is shown once")
    func loop() {
        var order = SyntheticOrder()
        order.add("a", of: "x", below: SyntheticOrder.spanID(3), from: 0, to: 1)
        order.add("b", of: "x", below: SyntheticOrder.spanID(1), from: 1, to: 2)
        order.add("c", of: "x", below: SyntheticOrder.spanID(2), from: 2, to: 3)
        order.add("self", of: "x", below: SyntheticOrder.spanID(4), from: 3, to: 4)
        let tree = TraceTree(order.trace)
        #expect(Set(tree.nodes.map(\.span.name)) == ["a", "b", "c", "self"])
        #expect(tree.nodes.count == 4)
        #expect(tree.roots.isEmpty)
        #expect(tree.problems.contains(.noRoot))
        #expect(!TraceRenderer().render(order.trace).isEmpty)
    }

    @Test("A trace as deep as it is long is built and rendered without deep recursion")
    func deep() {
        var order = SyntheticOrder()
        var parent: String?
        for number in 0..<5_000 { parent = order.add("level", of: "x", below: parent, from: number, to: 6_000) }
        #expect(TraceTree(order.trace).nodes.last?.depth == 4_999)
        #expect(TraceRenderer().render(order.trace).contains("level"))
    }

    @Test("A child before its parent and an end before its start show skew, beyond the tolerance only")
    func skew() {
        var order = SyntheticOrder()
        let parent = order.add("parent", of: "a", from: 10_000, to: 20_000)
        order.add("near", of: "b", below: parent, from: 9_500, to: 12_000)
        order.add("far", of: "b", below: parent, from: 5_000, to: 12_000)
        order.add("backwards", of: "b", below: parent, from: 15_000, to: 14_000)
        #expect(
            TraceTree(order.trace).problems.map(\.description) == [
                "clock skew: `far` of b starts 5.00 ms before its parent in a",
                "clock skew: `backwards` of b ends 1.00 ms before it starts",
            ]
        )
        #expect(TraceTree(order.trace, skewTolerance: .milliseconds(10)).problems.count == 1)
    }
}
