import JetStream
import Observability
import TestKit
import Testing

@testable import ContrailInstrumentation

@Suite("Trace context in the headers of messages")
struct TraceHeaderTests {
    private static let parent = "00-00000000000000010000000000000002-0000000000000003-01"
    private static let other = "00-00000000000000010000000000000002-0000000000000009-01"

    private func extract(_ headers: NATSHeaders) -> ActiveContext { Propagators.all.extract(headers) }

    @Test("The exact name goes before other spellings of it", arguments: ["traceparent", "Traceparent", "TRACEPARENT"])
    func spellings(name: String) {
        #expect(extract([name: Self.parent]).spanContext?.spanID == SpanID(3))
        #expect(extract(["tRaceparent": "garbage", "traceparent": Self.parent]).spanContext?.spanID == SpanID(3))
        #expect(extract(["traceparent": Self.parent, "TRACEPARENT": Self.other]).spanContext?.spanID == SpanID(3))
    }

    @Test("What a server made of traceparent is read where there is no traceparent, and only there")
    func renamed() {
        let context = extract(["Xraceparent": Self.other, "tracestate": "a=1", "baggage": "b=2"])
        #expect(context.spanContext?.spanID == SpanID(9))
        #expect(context.spanContext?.traceState.header == "a=1")
        #expect(context.spanContext?.isRemote == true)
        #expect(context.baggage["b"] == "2")
        #expect(extract(["Xraceparent": Self.other, "traceparent": Self.parent]).spanContext?.spanID == SpanID(3))
        #expect(extract(["Xraceparent": Self.other, "Traceparent": "garbage"]).spanContext == nil)
    }

    @Test("A verdict that fell before an event was stored travels with it: another process has no memory of it")
    func verdict() async throws {
        func process(_ spans: InMemorySpanProcessor, seed: UInt64) -> OTelTracer {
            TracerProvider(
                resource: Resource(attributes: [:]),
                sampler: .parentBased(root: .alwaysOff),
                tailKeep: TailKeep(),
                ids: IDGenerator(seed: seed),
                processor: spans
            )
            .tracer("test")
        }
        let storing = process(InMemorySpanProcessor(), seed: 1)
        // No threshold has chosen the trace, so it goes on without one.
        let caller = Propagators.all.extract { name in
            name == "traceparent" ? [String(Self.parent.dropLast()) + "0"] : ["ot=th:fffffff,a=1"]
        }
        let (before, after) = await storing.withSpan("serve", parent: caller) { span in
            let before = TraceHeaders.current()
            let child = storing.startSpan("call that is repeated")
            child.setError(type: "Broken")
            child.end()
            return (before, TraceHeaders.current())
        }
        #expect(before["traceparent"]?.hasSuffix("-00") == true)
        #expect(before["tracestate"] == "ot=th:fffffff,a=1")
        #expect(after["traceparent"] == before["traceparent"].map { String($0.dropLast()) + "1" })
        #expect(after["tracestate"] == "a=1")
        let spans = InMemorySpanProcessor()
        let origin = Propagators.all.extract { name in after[name].map { [$0] } ?? [] }
        process(spans, seed: 2).startSpan("publish", parent: origin).end()
        #expect(spans.spans.map(\.name) == ["publish"])
    }

    @Test("What is stored with an event follows the propagators")
    func propagators() async {
        var baggage = Baggage()
        baggage.set("tenant", to: "acme")
        let tracer = TracerProvider(testing: InMemorySpanProcessor()).tracer("test")
        await tracer.withSpan("now", parent: ActiveContext(baggage: baggage)) { _ in
            #expect(TraceHeaders.current().keys.sorted() == ["baggage", "traceparent"])
            #expect(TraceHeaders.current(.traceContext).keys.sorted() == ["traceparent"])
            #expect(TraceHeaders.current([]) == [:])
        }
    }

    @Test("Two lines of traceparent are none; those of tracestate and baggage are one")
    func lines() {
        var headers: NATSHeaders = ["traceparent": Self.parent]
        headers.append("tracestate", "a=1")
        headers.append("tracestate", "b=2")
        headers.append("baggage", "c=3")
        headers.append("baggage", "d=4")
        #expect(extract(headers).spanContext?.traceState.header == "a=1,b=2")
        #expect(extract(headers).baggage.members.map(\.name) == ["c", "d"])
        headers.append("traceparent", Self.parent)
        #expect(extract(headers).spanContext == nil)
    }
}
