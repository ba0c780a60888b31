import Observability
import TestKit
import Testing

@Suite("A tracer that is turned off")
struct DisabledTracerTests {
    private let processor = InMemorySpanProcessor()

    private var tracer: OTelTracer {
        TracerProvider(
            resource: Resource(serviceName: "test", serviceVersion: "0", instanceID: "1"),
            processor: processor,
            isEnabled: false
        ).tracer("test")
    }

    @Test("The caller's context is passed on as it came")
    func passesOn() async throws {
        let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let caller = try #require(W3CPropagator.spanContext(traceParents: [header]))
        await ActiveContext(spanContext: caller).run {
            await tracer.withSpan("work") { span in
                var sent: [String: String] = [:]
                W3CPropagator.inject(.current) { sent[$0] = $1 }
                #expect(sent["traceparent"] == header)
                #expect(!span.isSampled)
            }
        }
        #expect(processor.spans.isEmpty)
    }

    @Test("Without a caller nothing is sent on")
    func noCaller() async {
        await tracer.withSpan("work", parent: ActiveContext()) { _ in
            var sent: [String: String] = [:]
            W3CPropagator.inject(.current) { sent[$0] = $1 }
            #expect(sent.isEmpty)
        }
        #expect(processor.spans.isEmpty)
    }
}
