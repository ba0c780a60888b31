internal import FoundationEssentials
internal import Testing
internal import TraceBackend

@Suite("Trace store")
struct TraceStoreTests {
    @Test("Spans of one trace from many requests are merged, and a retried export changes nothing")
    func merge() throws {
        let store = TraceStore()
        let first = OTLPRequests.request([OTLPRequests.span(trace: 1, span: 1)], service: "orders")
        store.insert(first)
        store.insert(OTLPRequests.request([OTLPRequests.span(trace: 1, span: 2)], service: "users"))
        let again = store.insert(first)
        #expect(again.accepted == 0)
        #expect(again.duplicates == 1)
        let trace = try #require(store.trace(OTLPRequests.traceID(1)))
        #expect(trace.spans.map(\.service) == ["orders", "users"])
        #expect(store.statistics.spans == 2)
        #expect(store.statistics.duplicateSpans == 1)
        #expect(store.services() == ["orders", "users"])
    }

    @Test("Ids of a wrong length and ids of zeros are rejected and counted")
    func invalidIDs() {
        let store = TraceStore()
        var short = OTLPRequests.span(trace: 1, span: 1)
        short.spanID = Data([1, 2, 3])
        var long = OTLPRequests.span(trace: 1, span: 1)
        long.traceID = Data(repeating: 1, count: 17)
        let spans = [short, long, OTLPRequests.span(trace: 0, span: 1), OTLPRequests.span(trace: 1, span: 0)]
        let result = store.insert(OTLPRequests.request(spans))
        #expect(result.rejected == 4)
        #expect(result.accepted == 0)
        #expect(store.statistics.rejectedSpans == 4)
        #expect(store.statistics.traces == 0)
    }

    @Test("Over the span limit the least recently updated trace leaves as a whole")
    func evictionBySpans() {
        let store = TraceStore(limits: .init(spans: 4))
        store.insert(OTLPRequests.request([1, 2].map { OTLPRequests.span(trace: 1, span: $0) }))
        store.insert(OTLPRequests.request([OTLPRequests.span(trace: 2, span: 1)]))
        // Trace 1 is older but was updated last, so trace 2 is the one to go.
        store.insert(OTLPRequests.request([OTLPRequests.span(trace: 1, span: 3)]))
        store.insert(OTLPRequests.request([OTLPRequests.span(trace: 3, span: 1)]))
        #expect(store.trace(OTLPRequests.traceID(1))?.spans.count == 3)
        #expect(store.trace(OTLPRequests.traceID(2)) == nil)
        #expect(store.trace(OTLPRequests.traceID(3)) != nil)
        #expect(store.statistics.evictedTraces == 1)
        #expect(store.statistics.evictedSpans == 1)
        #expect(store.statistics.spans == 4)
        #expect(store.statistics.traces == 2)
    }

    @Test("Memory stays within the limit whatever comes, and the count of it returns to zero")
    func evictionByBytes() {
        let limit = 1 << 20
        let store = TraceStore(limits: .init(bytes: limit))
        for number in 1...200 {
            var span = OTLPRequests.span(trace: UInt8(number), span: 1)
            span.name = String(repeating: "x", count: 20_000)
            store.insert(OTLPRequests.request([span]))
            #expect(store.statistics.bytes <= limit)
        }
        #expect(store.statistics.evictedTraces == 200 - store.statistics.traces)
        #expect(store.statistics.traces > 40)
        #expect(store.trace(OTLPRequests.traceID(200)) != nil)
        var giant = OTLPRequests.span(trace: 201, span: 1)
        giant.name = String(repeating: "x", count: 2 * limit)
        store.insert(OTLPRequests.request([giant]))
        #expect(store.statistics.traces == 0, "a span larger than the limit leaves too")
        #expect(store.statistics.bytes == 0)
        #expect(store.statistics.spans == 0)
    }

    @Test("One endless trace is cut off and does not push out the others")
    func spansPerTrace() {
        let store = TraceStore(limits: .init(spansPerTrace: 3))
        store.insert(OTLPRequests.request([OTLPRequests.span(trace: 1, span: 1)]))
        let result = store.insert(OTLPRequests.request((1...5).map { OTLPRequests.span(trace: 2, span: $0) }))
        #expect(result.accepted == 3)
        #expect(result.overTraceLimit == 2)
        #expect(store.trace(OTLPRequests.traceID(1)) != nil)
    }

    @Test("Many updates of one trace do not make the order of updates grow")
    func manyUpdates() {
        let store = TraceStore(limits: .init(spans: 300))
        for number in 0..<2_000 {
            store.insert(OTLPRequests.request([OTLPRequests.span(trace: UInt8(1 + number % 3), span: 1)]))
        }
        #expect(store.statistics.spans == 3)
        #expect(store.statistics.duplicateSpans == 1_997)
    }

    @Test("Writers and readers may come at the same time")
    func concurrency() async {
        let store = TraceStore(limits: .init(spans: 500))
        await withTaskGroup(of: Void.self) { group in
            for writer in 1...4 {
                group.addTask {
                    for number in 1...200 {
                        let span = OTLPRequests.span(trace: UInt8(1 + number % 250), span: UInt8(writer))
                        store.insert(OTLPRequests.request([span]))
                        _ = store.summaries(limit: 1)
                    }
                }
            }
        }
        let statistics = store.statistics
        #expect(statistics.acceptedSpans == 800)
        #expect(statistics.spans <= 500)
        #expect(statistics.spans == statistics.acceptedSpans - statistics.evictedSpans)
    }
}
