private import Observability

extension FuzzTarget {
    /// `tracestate`: each line of the input is one header line.
    static let traceState = FuzzTarget(name: "tracestate") { input in
        let lines = input.lines
        let state = TraceState(headerLines: lines)
        let expected = members(lines)
        require((state == nil) == (expected == nil), "\(lines) is read as the grammar says: \(expected as Any)")
        require(
            TraceState(headerLines: [lines.joined(separator: ",")]) == state,
            "the lines \(lines) mean what they mean when joined"
        )
        require(
            TraceState(headerLines: [""] + lines.flatMap { ["\($0) ,\t,", " "] }) == state,
            "empty members and white space between members mean nothing"
        )
        requireTraceSurvives(lines, state: state)
        guard let state, let expected else { return }
        require(state.header == expected.joined(separator: ","), "members are kept as they came, in their order")
        require(state.isEmpty == state.header.isEmpty, "an empty state has no header")
        require(state.header.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "a header is printable ASCII")
        require(TraceState(headerLines: [state.header]) == state, "\(state.header) is read as what was sent")
    }

    /// A `tracestate` never costs the trace, and nothing is read without a valid `traceparent`.
    private static func requireTraceSurvives(_ lines: [String], state: TraceState?) {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let context = W3CPropagator.spanContext(traceParents: [parent], traceStates: lines)
        require(context != nil && context?.traceState == state ?? TraceState(), "a trace survives its state")
        require(
            W3CPropagator.spanContext(traceParents: ["x"], traceStates: lines) == nil,
            "a state without a trace is nothing"
        )
        guard let context else { return }
        var carrier: [String: String] = [:]
        W3CPropagator.inject(ActiveContext(spanContext: context, baggage: Baggage())) { carrier[$0] = $1 }
        require(
            carrier["tracestate"] == (context.traceState.isEmpty ? nil : context.traceState.header),
            "it is sent on"
        )
    }

    /// W3C Trace Context Level 2, "tracestate", written once more: the members, or `nil` for a malformed header.
    private static func members(_ lines: [String]) -> [String]? {
        let key = Set("abcdefghijklmnopqrstuvwxyz0123456789_-*/@".unicodeScalars)
        var members: [String] = []
        for item in lines.joined(separator: ",").unicodeScalars.split(separator: ",") {
            var item = Array(item)
            while let last = item.last, last == " " || last == "\t" { item.removeLast() }
            while let first = item.first, first == " " || first == "\t" { item.removeFirst() }
            if item.isEmpty { continue }
            let sides = item.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, (1...256).contains(sides[0].count), (1...256).contains(sides[1].count),
                sides[0].allSatisfy(key.contains), let first = sides[0].first, !"_-*/@".unicodeScalars.contains(first),
                sides[1].allSatisfy({ (0x20...0x7E).contains($0.value) })
            else { return nil }
            members.append(String(String.UnicodeScalarView(item)))
        }
        return members.count <= 32 ? members : nil
    }
}
