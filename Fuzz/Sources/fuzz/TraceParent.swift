private import Observability

extension FuzzTarget {
    /// `traceparent`: each line of the input is one header line.
    static let traceParent = FuzzTarget(name: "traceparent") { input in
        let lines = input.lines
        let context = W3CPropagator.spanContext(traceParents: lines)
        let expected = lines.count == 1 ? TraceParentGrammar(lines[0]) : nil
        require((context != nil) == (expected != nil), "\(lines) is read as the grammar says: \(expected as Any)")
        require(
            W3CPropagator.spanContext(traceParents: lines + lines) == nil || lines.isEmpty,
            "more than one line is invalid"
        )
        guard let context, let expected else { return }
        require(context.isValid && context.isRemote, "what is read is valid and remote")
        require(context.traceID.hex == expected.traceID, "the trace id is \(expected.traceID)")
        require(context.spanID.hex == expected.parentID, "the parent id is \(expected.parentID)")
        require(context.flags.rawValue == expected.flags & 0x03, "the known flags are kept, the others are not")

        let sent = W3CPropagator.traceParent(of: context)
        require(TraceParentGrammar(sent)?.version == 0 && sent.utf8.count == 55, "\(sent) is of version 00")
        require(W3CPropagator.spanContext(traceParents: [sent]) == context, "\(sent) is read as what was sent")
        require(
            W3CPropagator.spanContext(traceParents: [" \t\(lines[0])\t "]) == context,
            "optional white space around \(lines[0]) means nothing"
        )
        requireCarried(context)
    }

    /// What is injected into a carrier is what is extracted from it.
    private static func requireCarried(_ context: SpanContext) {
        var carrier: [String: String] = [:]
        W3CPropagator.inject(ActiveContext(spanContext: context, baggage: Baggage())) { carrier[$0] = $1 }
        require(Set(carrier.keys).isSubset(of: W3CPropagator.fields), "\(carrier.keys) are declared fields")
        let extracted = W3CPropagator.extract { carrier[$0].map { [$0] } ?? [] }
        require(extracted.spanContext == context, "\(carrier) carries the context")
    }
}

/// The grammar of W3C Trace Context Level 2, "traceparent", written once more and as plainly as can be.
private struct TraceParentGrammar {
    let version: UInt8
    let traceID: String
    let parentID: String
    let flags: UInt8

    init?(_ line: String) {
        var text = Array(line.unicodeScalars)
        let blanks: [Unicode.Scalar] = [" ", "\t"]
        while let last = text.last, blanks.contains(last) { text.removeLast() }
        while let first = text.first, blanks.contains(first) { text.removeFirst() }
        // A later version may have more behind another dash; a comma is the seam of two headers.
        let parts = text.split(separator: "-", maxSplits: 4, omittingEmptySubsequences: false)
            .map { String(String.UnicodeScalarView($0)) }
        guard parts.count >= 4, !line.unicodeScalars.contains(",") else { return nil }
        for (part, count) in zip(parts, [2, 32, 16, 2]) {
            guard part.utf8.count == count, part.allSatisfy({ "0123456789abcdef".contains($0) }) else { return nil }
        }
        guard let version = UInt8(parts[0], radix: 16), let flags = UInt8(parts[3], radix: 16) else { return nil }
        if version == 0xFF || (version == 0 && parts.count != 4) { return nil }
        if parts[1].allSatisfy({ $0 == "0" }) || parts[2].allSatisfy({ $0 == "0" }) { return nil }
        self.version = version
        traceID = parts[1]
        parentID = parts[2]
        self.flags = flags
    }
}
