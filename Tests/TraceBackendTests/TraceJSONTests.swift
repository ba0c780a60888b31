internal import FoundationEssentials
internal import Testing
internal import TraceBackend

@Suite("Reading traces")
struct TraceJSONTests {
    @Test("The reader takes what other writers write")
    func lenient() throws {
        let trace = try Trace(jaegerJSON: Array(JaegerFixtures.lenient.utf8))
        #expect(trace.id == "00000000000000000000000000000abc")
        #expect(trace.services == ["unknown_service", "users"])
        #expect(trace.spans.map(\.spanID) == ["0000000000000002", "0000000000000001"])
        let span = trace.spans[1]
        #expect(span.name == "first")
        #expect(span.kind == .consumer)
        #expect(span.parentSpanID == nil)
        #expect(span.startNanoseconds == 1_700_000_000_000_000_001)
        #expect(span.durationNanoseconds == 8)
        #expect(span.status.code == .error)
        #expect(span.links == [.init(traceID: trace.id, spanID: "000000000000000f")])
        #expect(span.attributes["number"] == .int(.min))
        #expect(span.attributes["list"] == .array(["a", true]))
        #expect(span.attributes["map"] == .map(["k": .double(1.5)]))
        #expect(span.attributes["bytes"] == .bytes([0, 255]))
        #expect(span.attributes["nothing"] == .empty)
        guard case .double(let number) = span.attributes["double"] else {
            Issue.record("no number")
            return
        }
        #expect(number.isNaN)
    }

    @Test(
        "What is not a trace is refused with the reason",
        arguments: [
            (json: "<html>", code: TraceBackendError.Code.malformed),
            (json: "{}", code: .malformed),
            (json: #"{"result":{"resourceSpans":[]}}"#, code: .empty),
            (json: #"{"error":{"httpCode":404,"message":"No traces found"}}"#, code: .notFound),
            (json: #"{"error":{"httpCode":500,"message":"broken"}}"#, code: .malformed),
            (json: #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"x","spanId":"1"}]}]}]}"#, code: .malformed),
            (
                json: #"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1","spanId":"1"}]}]}, "#
                    + #"{"scopeSpans":[{"spans":[{"traceId":"2","spanId":"2"}]}]}]}"#,
                code: .severalTraces
            ),
        ]
    )
    func refused(_ json: String, _ code: TraceBackendError.Code) {
        #expect { try Trace(jaegerJSON: Array(json.utf8)) } throws: { ($0 as? TraceBackendError)?.code == code }
    }

    @Test("A trace and a journey are written as JSON that keeps every value")
    func encodable() throws {
        var order = SyntheticOrder.order()
        order.change("contrail demo") { $0.attributes["b"] = .bytes([0, 255]) }
        let data = try JSONEncoder().encode(order.trace)
        let text = String(decoding: data, as: UTF8.self)
        #expect(text.contains(#""kind":"producer""#))
        #expect(text.contains(#""b":"AP8=""#))
        let journey = String(decoding: try JSONEncoder().encode(Journey(order.trace)), as: UTF8.self)
        #expect(journey.contains(#""cause":"deliver""#))
        #expect(journey.contains(#""stage":"outbox_wait""#))
    }
}
