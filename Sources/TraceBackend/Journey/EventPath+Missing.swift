extension EventPath {
    /// What a complete journey has and this one has not, in the order of the path.
    func missing(wanted: String?) -> [String] {
        var missing = tree.problems.compactMap { problem in
            switch problem {
            case .noRoot, .severalRoots, .orphan: problem.description
            // Skew is shown as skew: the spans are all there.
            case .startsBeforeParent, .endsBeforeStart: nil
            }
        }
        guard let event else {
            if server == nil { missing.append("no SERVER span that accepts a command") }
            missing.append(wanted.map { "no publish span of the event `\($0)`" } ?? "no `publish …` span")
            return missing
        }
        missing += missingBeforePublish(event)
        let process = "process \(event.type)"
        let publish = "publish \(event.type)"
        if streamWaits.isEmpty { missing.append("no `stream wait` span under `\(publish)`") }
        guard let attempt = decisiveProcess else {
            return missing + ["no `\(process)` span under `\(publish)`"]
        }
        let attempts = (processes.firstIndex(of: attempt) ?? 0) + 1
        if redeliveryWaits.count < attempts - 1 {
            missing.append(
                "\(redeliveryWaits.count) `redelivery wait` spans for \(attempts) attempts under `\(publish)`"
            )
        }
        return missing + missingBelow(attempt, named: process)
    }

    private func missingBeforePublish(_ event: Journey.Event) -> [String] {
        var missing: [String] = []
        if let server {
            let span = tree.nodes[server].span
            if tree.nodes[server].parent.map({ tree.nodes[$0].span.kind != .client }) ?? (span.parentSpanID == nil) {
                missing.append("no CLIENT span above the SERVER span `\(span.name)`")
            }
            if span.name.hasSuffix("OrderService/CreateOrder") { missing += missingLookup(under: server, span.name) }
            if !hasDatabaseSpan(below: server, exceptBelow: publishes) {
                missing.append("no database span under `\(span.name)`")
            }
        } else {
            missing.append("no SERVER span above `publish \(event.type)`")
        }
        if outboxWait == nil { missing.append("no `outbox wait` span beside `publish \(event.type)`") }
        return missing
    }

    private func missingBelow(_ attempt: Int, named process: String) -> [String] {
        // Only an order's notification needs the customer's address; a user's event has it.
        var missing = event?.type.hasPrefix("order.") == true ? missingLookup(under: attempt, process) : []
        if delivers(under: attempt).isEmpty { missing.append("no `deliver` span under `\(process)`") }
        let records = records(under: attempt)
        if records.isEmpty {
            missing.append("no `record` span under `\(process)`")
        } else if !records.contains(where: { hasDatabaseSpan(below: $0) }) {
            missing.append("no database span under `record`")
        }
        return missing
    }

    private func missingLookup(under parent: Int, _ name: String) -> [String] {
        let calls = lookups(under: parent)
        if calls.isEmpty { return ["no `UserService/GetUser` CLIENT span under `\(name)`"] }
        let answered = calls.contains { call in
            tree.nodes[call].children.contains { tree.nodes[$0].span.kind == .server }
        }
        return answered ? [] : ["no SERVER span under the CLIENT span `\(tree.nodes[calls[0]].span.name)` of `\(name)`"]
    }

    private func hasDatabaseSpan(below index: Int, exceptBelow excluded: [Int] = []) -> Bool {
        let ranges = excluded.map { $0..<tree.descendants(of: $0).upperBound }
        return tree.descendants(of: index).contains { descendant in
            tree.nodes[descendant].span.attributes["db.system.name"] != nil
                && tree.nodes[descendant].span.service == tree.nodes[index].span.service
                && !ranges.contains { $0.contains(descendant) }
        }
    }
}
