private import Foundation
private import SwiftProtobuf

@testable private import TraceBackend

extension FuzzTarget {
    /// OTLP requests: the input is the body of one, in protobuf, decompressed.
    static let otlpRequest = FuzzTarget(name: "otlp-request") { input in
        guard let request = try? OTLPExportTraceServiceRequest(serializedBytes: input.bytes) else { return }
        requireStable(request)
        requireStored(request)
        requireBounded(request)
    }

    private static func requireStable(_ request: OTLPExportTraceServiceRequest) {
        guard let bytes: [UInt8] = try? request.serializedBytes() else {
            return require(false, "what was read can be written")
        }
        let second = try? OTLPExportTraceServiceRequest(serializedBytes: bytes)
        // Compared as bytes: a NaN is not equal to itself.
        require((try? second?.serializedBytes()) == bytes, "what was written is read as what was sent")
    }

    /// Every span is kept, known already, or rejected; what is kept can be read, as JSON and by people.
    private static func requireStored(_ request: OTLPExportTraceServiceRequest) {
        let store = TraceStore(limits: TraceStore.Limits(spans: .max, bytes: .max, spansPerTrace: .max))
        let spans = request.resourceSpans.flatMap(\.scopeSpans).flatMap(\.spans)
        let result = store.insert(request)
        require(result.accepted + result.duplicates + result.rejected == spans.count, "\(result) are all spans")
        let valid = spans.filter { isID($0.traceID, 16) && isID($0.spanID, 8) }
        require(result.invalidIDs == spans.count - valid.count, "\(result) tells invalid ids")
        let ids = Set(valid.map { [$0.traceID, $0.spanID] })
        require(result.accepted == ids.count, "each span of \(ids.count) is kept once: \(result)")
        require(store.insert(request).accepted == 0, "a repeated request adds nothing")
        for id in Set(valid.map { Hex.string($0.traceID) }) { requireReadable(id, in: store) }
    }

    private static func requireReadable(_ id: String, in store: TraceStore) {
        guard let trace = store.trace(id), let stored = store.resourceSpans(id) else {
            return require(false, "the trace \(id) is found")
        }
        require(trace.id == id && !trace.spans.isEmpty, "the trace \(id) is complete")
        do {
            let answer = JaegerAnswer.Success(result: JaegerAnswer.TracesData(resourceSpans: stored))
            let json = try JaegerAnswer.json(answer)
            let again = try JaegerAnswer.json(JaegerAnswer.Success(result: read(json)))
            require(json == again, "JSON is read as what was written")
            require(try Trace(jaegerJSON: json).spans.count == trace.spans.count, "JSON has all spans")
        } catch {
            require(false, "the trace \(id) can be written and read as JSON: \(error)")
        }
        requirePrintable(trace)
    }

    private static func read(_ json: [UInt8]) throws -> JaegerAnswer.TracesData {
        JaegerAnswer.TracesData(
            resourceSpans: try JSONDecoder().decode(JaegerAnswer.self, from: Data(json)).resourceSpans
        )
    }

    /// A stranger's span must neither stop the command that shows it nor act on the terminal.
    private static func requirePrintable(_ trace: Trace) {
        let renderer = TraceRenderer(columns: 80, color: false)
        for text in [renderer.render(trace), renderer.render(Journey(trace))] {
            require(
                text.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control },
                "a terminal does nothing but show \(text)"
            )
        }
    }

    /// The limits hold, whatever comes.
    private static func requireBounded(_ request: OTLPExportTraceServiceRequest) {
        let limits = TraceStore.Limits(spans: 8, bytes: 4096, spansPerTrace: 4)
        let store = TraceStore(limits: limits)
        for _ in 0..<2 {
            store.insert(request)
            let now = store.statistics
            require(now.spans <= limits.spans && now.bytes <= limits.bytes, "\(now) is within \(limits)")
            require(now.acceptedSpans == now.spans + now.evictedSpans, "\(now): accepted spans are kept or evicted")
            require(now.spans > 0 || (now.traces == 0 && now.bytes == 0), "\(now): an empty store is empty")
            for summary in store.summaries(limit: .max) {
                require(summary.spanCount <= limits.spansPerTrace, "\(summary) is within \(limits)")
            }
        }
    }

    private static func isID(_ bytes: Data, _ count: Int) -> Bool {
        bytes.count == count && bytes.contains { $0 != 0 }
    }
}
