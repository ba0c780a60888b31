/// Where the spans of one event are in a tree, by the naming conventions of the tracing module.
struct EventPath {
    let tree: TraceTree
    let event: Journey.Event?
    /// The SERVER span that accepted the command.
    let server: Int?
    let outboxWait: Int?
    /// The publish spans of the event: one, or more when the relay tried again.
    let publishes: [Int]
    let streamWaits: [Int]
    let redeliveryWaits: [Int]
    /// The attempts in order of their start.
    let processes: [Int]

    init(_ tree: TraceTree, event wanted: String?) {
        self.tree = tree
        let all = Self.publishes(in: tree)
        let first = all.first { index in
            guard let wanted else { return true }
            let event = Self.event(of: tree.nodes[index].span)
            return event.id == wanted || event.type == wanted
        }
        let chosen = first.map { Self.event(of: tree.nodes[$0].span) }
        event = chosen
        publishes =
            first.map { first in
                guard chosen?.id != nil else { return [first] }
                return all.filter { Self.event(of: tree.nodes[$0].span) == chosen }
            } ?? []
        server = Self.server(of: first, in: tree, anyCommand: wanted == nil)
        outboxWait = Self.outboxWait(of: first, event: chosen, server: server, in: tree)
        let below = publishes.flatMap { tree.nodes[$0].children }.sorted {
            tree.nodes[$0].span.startNanoseconds < tree.nodes[$1].span.startNanoseconds
        }
        streamWaits = below.filter { tree.nodes[$0].span.isStage(.streamWait, named: "stream wait") }
        redeliveryWaits = below.filter { tree.nodes[$0].span.isStage(.redeliveryWait, named: "redelivery wait") }
        processes = below.filter { tree.nodes[$0].span.kind == .consumer }
    }

    /// The attempt that stored the notification, or the last one.
    var decisiveProcess: Int? {
        processes.first { process in records(under: process).contains { !tree.nodes[$0].span.isError } }
            ?? processes.last
    }

    func lookups(under process: Int) -> [Int] {
        tree.nodes[process].children.filter { tree.nodes[$0].span.isLookup }
    }

    func delivers(under process: Int) -> [Int] {
        tree.descendants(of: process).filter { index in
            let span = tree.nodes[index].span
            return span.stageName == Journey.Stage.deliver.rawValue
                || (span.kind == .client && span.name.hasPrefix("deliver "))
        }
    }

    func records(under process: Int) -> [Int] {
        tree.descendants(of: process).filter { tree.nodes[$0].span.isStage(.record, named: "record") }
    }

    /// All publish spans in order of their start.
    static func publishes(in tree: TraceTree) -> [Int] {
        tree.nodes.indices.filter { index in
            let span = tree.nodes[index].span
            return span.stageName == Journey.Stage.publish.rawValue
                || (span.kind == .producer && span.name.hasPrefix("publish "))
        }.sorted { tree.nodes[$0].span.startNanoseconds < tree.nodes[$1].span.startNanoseconds }
    }

    static func event(of publish: TraceSpan) -> Journey.Event {
        let type = publish.attributes["cloudevents.event_type"]?.stringValue
        return Journey.Event(
            id: publish.attributes["cloudevents.event_id"]?.stringValue,
            type: type ?? (publish.name.hasPrefix("publish ") ? String(publish.name.dropFirst(8)) : publish.name)
        )
    }

    /// The nearest SERVER span above the publish. Without a publish the first SERVER span may stand in for it.
    private static func server(of publish: Int?, in tree: TraceTree, anyCommand: Bool) -> Int? {
        guard let publish else {
            return anyCommand ? tree.nodes.indices.first { tree.nodes[$0].span.kind == .server } : nil
        }
        var current = tree.nodes[publish].parent
        while let index = current, tree.nodes[index].span.kind != .server { current = tree.nodes[index].parent }
        return current
    }

    /// The wait of this event's row: by the event's id, or the one that ends nearest to the start of the publish.
    private static func outboxWait(
        of publish: Int?,
        event: Journey.Event?,
        server: Int?,
        in tree: TraceTree
    ) -> Int? {
        guard let parent = publish.map({ tree.nodes[$0].parent }) ?? server else { return nil }
        let waits = tree.nodes[parent].children.filter {
            tree.nodes[$0].span.isStage(.outboxWait, named: "outbox wait")
        }
        guard let publish else { return waits.first }
        if let id = event?.id,
            let exact = waits.first(where: {
                tree.nodes[$0].span.attributes["cloudevents.event_id"]?.stringValue == id
            })
        {
            return exact
        }
        let start = tree.nodes[publish].span.startNanoseconds
        func distance(_ index: Int) -> UInt64 {
            let end = tree.nodes[index].span.endNanoseconds
            return end > start ? end - start : start - end
        }
        let anonymous = waits.filter { tree.nodes[$0].span.attributes["cloudevents.event_id"] == nil }
        return anonymous.min { distance($0) < distance($1) }
    }
}

extension TraceSpan {
    fileprivate func isStage(_ stage: Journey.Stage, named name: String) -> Bool {
        stageName == stage.rawValue || (stageName == nil && kind == .internal && self.name == name)
    }

    /// A call to another service by gRPC; the database and the provider are CLIENT spans too.
    fileprivate var isLookup: Bool {
        guard kind == .client else { return false }
        if let stageName { return stageName == Journey.Stage.lookup.rawValue }
        return attributes["rpc.system.name"]?.stringValue == "grpc" || name.contains("UserService/")
    }
}
