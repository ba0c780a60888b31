import JetStream
import Observability
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
