import Synchronization
import TestKit
import Testing
import Tracing

@testable import Observability

/// Points of the trace specification that no other suite happens to prove; docs/conformance.md names all of them.
@Suite("Conformance of spans")
struct ConformanceSpanTests {
    private let processor = InMemorySpanProcessor()

    private func provider(_ sampler: Sampler = .parentBased(root: .alwaysOn)) -> TracerProvider {
        TracerProvider(testing: processor, sampler: sampler)
    }

    private func finished(_ name: String) throws -> FinishedSpan {
        try #require(processor.spans(named: name).first)
    }

    private func context(_ number: UInt64, _ state: String = "") throws -> SpanContext {
        SpanContext(
            traceID: TraceID(high: 0, low: number),
            spanID: SpanID(number),
            flags: .sampled,
            traceState: try #require(TraceState(headerLines: [state])),
            isRemote: true
        )
    }

    @Test("a span records from its start to its end, and its context can be read for ever")
    func recording() {
        let span = provider().tracer("t").startSpan("s")
        let before = span.spanContext
        #expect(span.isRecording && before.isSampled)
        span.end()
        #expect(!span.isRecording)
        #expect(span.spanContext == before)
        let unsampled = provider(.alwaysOff).tracer("t").startSpan("s")
        #expect(!unsampled.isRecording && !unsampled.spanContext.isSampled)
    }

    @Test("the end of a parent touches neither its children nor the active context")
    func endOfParent() async throws {
        let tracer = provider().tracer("t")
        try await tracer.withSpan("parent", parent: ActiveContext()) { parent in
            let child = tracer.startSpan("child")
            parent.end(at: parent.startTime + 1)
            #expect(child.isRecording)
            #expect(OTelSpan.current?.spanContext == parent.spanContext)
            child.setAttribute("after", true)
            child.end()
            let finished = try finished("child")
            #expect(finished.attributes == ["after": true])
            #expect(finished.parentSpanID == parent.spanContext.spanID)
        }
        #expect(processor.spans(named: "parent").count == 1)
    }

    @Test("events keep the order in which they were added and the times that they were given, whatever those are")
    func events() throws {
        let span = provider().tracer("t").startSpan("s", startTime: 1_000)
        span.addEvent("late", at: 5_000)
        span.addEvent("early", at: 1)
        span.addEvent("late", at: 3_000)
        span.end(at: 2_000)
        #expect(try finished("s").events.map(\.name) == ["late", "early", "late"])
        #expect(try finished("s").events.map(\.time) == [5_000, 1, 3_000])
    }

    @Test(
        "a link without a valid context is kept only when it has attributes or a tracestate, and is not counted otherwise"
    )
    func invalidLinks() throws {
        let nowhere = SpanContext(traceID: TraceID(high: 0, low: 0), spanID: SpanID(0), flags: [])
        let stateful = SpanContext(
            traceID: TraceID(high: 0, low: 0),
            spanID: SpanID(0),
            flags: [],
            traceState: try #require(TraceState(headerLines: ["a=1"]))
        )
        let kept = [
            OTelSpan.Link(context: nowhere, attributes: ["why": "retry"]), OTelSpan.Link(context: stateful),
            OTelSpan.Link(context: try context(1)),
        ]
        let span = provider().tracer("t").startSpan("s", links: [OTelSpan.Link(context: nowhere), kept[0]])
        span.addLink(OTelSpan.Link(context: nowhere))
        span.addLink(kept[1])
        span.addLink(kept[2])
        span.end()
        #expect(try finished("s").links == kept)
        #expect(try finished("s").droppedLinksCount == 0)
    }

    @Test("lists are kept to a depth of 64, deeper ones are left empty, also without a limit of length")
    func depth() throws {
        func nested(_ depth: Int) -> AttributeValue {
            (1..<depth).reduce(.array([1])) { list, _ in .array([list]) }
        }
        func depth(_ value: AttributeValue?) -> Int {
            guard case .array(let elements)? = value else { return 0 }
            return 1 + depth(elements.first)
        }
        var limits = SpanLimits()
        limits.attributeValueLength = nil
        let tracer = TracerProvider(resource: Resource(attributes: [:]), limits: limits, processor: processor)
            .tracer("t")
        let span = tracer.startSpan("s", attributes: ["fits": nested(64), "deep": nested(1_000)])
        span.addEvent("e", attributes: ["deep": nested(66)])
        span.end()
        let attributes = try finished("s").attributes
        #expect(attributes["fits"] == nested(64))
        #expect(depth(attributes["deep"]) == 65)
        #expect(depth(try finished("s").events.first?.attributes["deep"]) == 65)
    }

    @Test("maps and the empty value are limited like lists, and are text to the standard API")
    func mapsAndEmpty() throws {
        var limits = SpanLimits()
        limits.attributeValueLength = 3
        let tracer = TracerProvider(resource: Resource(attributes: [:]), limits: limits, processor: processor)
            .tracer("t")
        let span = tracer.startSpan("s", attributes: ["none": .empty])
        span.setAttribute("map", .map(["a": "long text", "b": .array([.empty, "also long"]), "c": .map([:])]))
        span.setAttribute("deep", (1..<1_000).reduce(.map(["k": 1])) { value, _ in .map(["k": value]) })
        span.end()
        let attributes = try finished("s").attributes
        #expect(attributes["none"] == .empty)
        #expect(attributes["map"] == .map(["a": "lon", "b": .array([.empty, "als"]), "c": .map([:])]))
        var depth = 0
        var current = attributes["deep"]
        while case .map(let values)? = current {
            depth += 1
            current = values["k"]
        }
        #expect(depth == 65)
        #expect(attributes["map"]?.spanAttribute == .string("{a: lon, b: [, als], c: {}}"))
        #expect(attributes["map"]?.labelValue == #"{"a":"lon","b":[null,"als"],"c":{}}"#)
        #expect(AttributeValue.empty.labelValue == "")
        let line = String(decoding: JSONLogLine.format(try finished("s"), serviceName: "x"), as: UTF8.self)
        #expect(line.contains(#""none":null,"map":{"a":"lon","b":[null,"als"],"c":{}}"#))
    }

    @Test("a root has a trace of its own and nothing of a parent that is not valid", arguments: [true, false])
    func root(isSampled: Bool) throws {
        let invalid = SpanContext(
            traceID: TraceID(high: 1, low: 1),
            spanID: SpanID(0),
            flags: .sampled,
            traceState: try #require(TraceState(headerLines: ["a=1"]))
        )
        let tracer = provider(isSampled ? .alwaysOn : .alwaysOff).tracer("t")
        let span = tracer.startSpan("s", parent: ActiveContext(spanContext: invalid))
        #expect(span.spanContext.isValid)
        #expect(span.spanContext.traceID != invalid.traceID)
        #expect(span.spanContext.traceState.isEmpty)
        #expect(span.spanContext.flags == (isSampled ? [.sampled, .random] : .random))
    }

    @Test("a span is internal and begins now unless somebody says otherwise")
    func defaults() throws {
        let provider = provider()
        let before = provider.now()
        provider.tracer("t").startSpan("default").end()
        provider.tracer("t").startSpan("said", kind: .consumer, startTime: 5).end()
        #expect(try finished("default").kind == .internal)
        #expect(try (before...provider.now()).contains(finished("default").startTime))
        #expect(try finished("said").kind == .consumer)
        #expect(try finished("said").startTime == 5)
    }

    @Test("the name may change, which changes no decision")
    func name() throws {
        let span = provider().tracer("t").startSpan("before")
        span.name = "after"
        #expect(span.name == "after" && span.isSampled)
        span.end()
        #expect(try finished("after").context == span.spanContext)
    }

    @Test("what the standard API wrote before the end stays, whatever it writes afterwards")
    func standardAPI() throws {
        // Like a batch, which looks at its spans long after they ended.
        let waiting = Waiting()
        let provider = TracerProvider(resource: Resource(attributes: [:]), processor: waiting)
        let span = provider.tracer("t").startSpan("s", attributes: ["own": 1])
        span.attributes["a"] = "before"
        span.attributes["b"] = 2
        span.end()
        span.attributes["a"] = "after"
        span.attributes["late"] = true
        span.setStatus(SpanStatus(code: .error))
        span.addEvent(SpanEvent(name: "late"))
        let finished = try #require(waiting.take()?.finished)
        #expect(finished.attributes == ["own": 1, "a": "before", "b": 2])
        #expect(finished.status == .unset && finished.events.isEmpty)
    }
}

/// Keeps spans as they are handed over, without looking at them.
private final class Waiting: SpanProcessor {
    private let spans = Mutex<[EndedSpan]>([])

    /// Hands the oldest one over: a span refers to where it came from, which is here.
    func take() -> EndedSpan? { spans.withLock { $0.isEmpty ? nil : $0.removeFirst() } }

    func onEnd(_ span: EndedSpan) { spans.withLock { $0.append(span) } }
    func forceFlush(timeout: Duration) async -> Bool { true }
    func shutdown(timeout: Duration) async -> Bool { true }
}
