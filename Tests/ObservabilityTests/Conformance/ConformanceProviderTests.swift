import Observability
import Synchronization
import TestKit
import Testing
import Tracing

/// Points of the trace SDK about providers, processors and the standard API that no other suite happens to prove.
@Suite("Conformance of providers and processors")
struct ConformanceProviderTests {
    private let resource = Resource(serviceName: "test", serviceVersion: "0", instanceID: "1")

    private let parent = ActiveContext(
        spanContext: SpanContext(traceID: TraceID(high: 1, low: 2), spanID: SpanID(3), flags: .sampled, isRemote: true)
    )

    @Test("a tracer is enabled when the SDK is and somebody receives its spans")
    func enabled() {
        func isEnabled(_ processor: any SpanProcessor, _ isEnabled: Bool = true) -> Bool {
            let provider = TracerProvider(resource: resource, processor: processor, isEnabled: isEnabled)
            return provider.tracer("t").isEnabled
        }
        #expect(isEnabled(InMemorySpanProcessor()))
        #expect(!isEnabled(InMemorySpanProcessor(), false))
        #expect(!isEnabled(NoOpSpanProcessor()))
    }

    @Test("after the shutdown a provider hands out tracers that make no spans; spans of older ones are refused")
    func shutdown() async {
        let exporter = ScriptedExporter()
        let processor = BatchSpanProcessor(exporter: exporter, resource: resource)
        let provider = TracerProvider(resource: resource, processor: processor)
        let older = provider.tracer("older")
        older.startSpan("in time").end()
        #expect(await provider.shutdown(timeout: .seconds(30)))
        let later = provider.tracer("later")
        #expect(!later.isEnabled)
        let span = later.startSpan("late", parent: parent)
        #expect(!span.isRecording)
        // As without an SDK: who comes next continues the caller's context.
        #expect(span.spanContext == parent.spanContext)
        span.end()
        older.startSpan("too late").end()
        #expect(processor.statistics.droppedAfterShutdown == 1)
        // A second shutdown changes nothing.
        #expect(await provider.shutdown(timeout: .seconds(30)))
        #expect(exporter.names == ["in time"])
    }

    @Test("the simple processor exports every sampled span when it ends, one at a time, until its shutdown")
    func simple() async {
        let exporter = ScriptedExporter()
        let processor = SimpleSpanProcessor(exporter: exporter, resource: resource)
        let provider = TracerProvider(resource: resource, processor: processor)
        let tracer = provider.tracer("t")
        let unsampled = SpanContext(traceID: TraceID(high: 1, low: 2), spanID: SpanID(3), flags: [], isRemote: true)
        tracer.startSpan("first").end()
        #expect(exporter.names == ["first"])
        tracer.startSpan("unsampled", parent: ActiveContext(spanContext: unsampled)).end()
        #expect(exporter.names == ["first"])
        await withTaskGroup { group in
            for number in 0..<100 {
                group.addTask { tracer.startSpan("\(number)").end() }
            }
        }
        #expect(exporter.calls.count == 101 && exporter.mostRunning == 1)
        #expect(exporter.calls.allSatisfy { $0.names.count == 1 && $0.resource == resource })
        #expect(await processor.forceFlush(timeout: .seconds(1)))
        #expect(await provider.shutdown(timeout: .seconds(1)))
        tracer.startSpan("late").end()
        #expect(exporter.calls.count == 101)
    }

    @Test("the limits of spans do not touch the resource")
    func resourceIsExempt() throws {
        var attributes = Attributes()
        for number in 0..<300 { attributes["key \(number)"] = .string(String(repeating: "x", count: 5_000)) }
        var limits = SpanLimits()
        limits.attributeCount = 1
        limits.attributeValueLength = 1
        let exporter = ScriptedExporter()
        let resource = Resource(attributes: attributes)
        let processor = SimpleSpanProcessor(exporter: exporter, resource: resource)
        let provider = TracerProvider(resource: resource, limits: limits, processor: processor)
        provider.tracer("t").startSpan("s").end()
        #expect(exporter.calls.first?.resource.attributes == attributes)
        #expect(provider.resource.attributes == attributes)
    }

    @Test("processors get each span in the order in which they were given")
    func order() {
        let seen = Seen()
        let group = SpanProcessorGroup([seen.processor("a"), seen.processor("b"), seen.processor("c")])
        let tracer = TracerProvider(resource: resource, processor: group).tracer("t")
        tracer.startSpan("1").end()
        tracer.startSpan("2").end()
        #expect(seen.calls.withLock { $0 } == ["a1", "b1", "c1", "a2", "b2", "c2"])
    }

    @Test("the standard API reads and writes the headers of the propagators that are configured, and no others")
    func propagators() {
        let tracer = TracerProvider(testing: InMemorySpanProcessor()).tracer("t")
        let headers = ["traceparent": "00-00000000000000010000000000000002-0000000000000003-01", "baggage": "a=1"]
        for (propagators, fields) in [
            (Propagators.all, ["baggage", "traceparent"]), (.traceContext, ["traceparent"]), (.baggage, ["baggage"]),
            ([], []),
        ] {
            let door = DistributedTracer(tracer, propagators: propagators)
            var context = InstrumentationContext.topLevel
            door.extract(headers, into: &context, using: Dictionary())
            #expect((context.active?.spanContext != nil) == propagators.contains(.traceContext))
            #expect((context.active?.baggage["a"] != nil) == propagators.contains(.baggage))
            var full = InstrumentationContext.topLevel
            DistributedTracer(tracer).extract(headers, into: &full, using: Dictionary())
            var carrier: [String: String] = [:]
            door.inject(full, into: &carrier, using: Dictionary())
            #expect(carrier.keys.sorted() == fields)
            #expect(carrier.allSatisfy { headers[$0.key] == $0.value })
        }
    }

    /// Notes which processor got which span.
    private final class Seen: Sendable {
        let calls = Mutex<[String]>([])

        func processor(_ name: String) -> any SpanProcessor { Noting(name: name, seen: self) }

        private struct Noting: SpanProcessor {
            let name: String
            let seen: Seen

            func onEnd(_ span: EndedSpan) { seen.calls.withLock { $0.append(name + span.finished.name) } }
            func forceFlush(timeout: Duration) async -> Bool { true }
            func shutdown(timeout: Duration) async -> Bool { true }
        }
    }

    /// Headers in a dictionary.
    private struct Dictionary: Injector, Extractor {
        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }
    }
}
