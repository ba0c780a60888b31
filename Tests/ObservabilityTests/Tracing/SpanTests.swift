import Observability
import TestKit
import Testing

@Suite("Span")
struct SpanTests {
    private let processor = InMemorySpanProcessor()

    private func tracer(_ change: (inout SpanLimits) -> Void = { _ in }) -> OTelTracer {
        var limits = SpanLimits()
        change(&limits)
        return TracerProvider(
            resource: Resource(attributes: [:]),
            limits: limits,
            ids: IDGenerator(seed: 1),
            processor: processor,
            clock: { 1_000 }
        ).tracer("tests")
    }

    private func finished() throws -> FinishedSpan {
        try #require(processor.spans.first)
    }

    @Test("changes are ignored once the span has ended, and so is a second end")
    func ended() throws {
        let span = tracer().startSpan("before", attributes: ["a": 1])
        span.setAttribute("b", "x")
        span.addEvent("event", attributes: ["c": true], at: 7)
        span.end(at: 2_000)
        span.name = "after"
        span.setAttribute("a", 2)
        span.addEvent("late")
        span.addLink(OTelSpan.Link(context: span.spanContext))
        span.setStatus(.ok)
        span.setError(type: "late")
        span.end(at: 3_000)
        #expect(processor.spans.count == 1)
        let finished = try finished()
        #expect(finished.name == "before")
        #expect(finished.endTime == 2_000)
        #expect(finished.attributes == ["a": 1, "b": "x"])
        #expect(finished.events == [OTelSpan.Event(name: "event", time: 7, attributes: ["c": true])])
        #expect(finished.links.isEmpty)
        #expect(finished.status == .unset)
        #expect(span.name == "before")
        #expect(span.spanContext == finished.context)
    }

    @Test("an end before the start is moved to the start")
    func clamped() throws {
        tracer().startSpan("s", startTime: 5_000).end(at: 4_999)
        #expect(try finished().startTime == 5_000)
        #expect(try finished().endTime == 5_000)
    }

    @Test("times default to the provider's clock")
    func clock() throws {
        let span = tracer().startSpan("s")
        span.addEvent("e")
        span.end()
        #expect(span.startTime == 1_000)
        #expect(try finished().startTime == 1_000)
        #expect(try finished().endTime == 1_000)
        #expect(try finished().events.first?.time == 1_000)
    }

    @Test("attributes are unique by name, the last value wins, an empty name is ignored")
    func attributes() throws {
        let span = tracer().startSpan("s", attributes: ["a": 1, "b": 1])
        span.setAttributes(["b": 2.5, "c": "x", "": "nameless"])
        span.setAttribute("a", "text")
        span.end()
        #expect(try finished().attributes == ["a": "text", "b": 2.5, "c": "x"])
    }

    @Test("attributes beyond the limit are dropped and counted, existing ones may change")
    func attributeLimit() throws {
        let span = tracer { $0.attributeCount = 3 }.startSpan("s", attributes: ["a": 1, "b": 1, "c": 1, "d": 1])
        span.setAttribute("e", 1)
        span.setAttribute("b", 2)
        span.setAttributes(["a": 3, "f": 1, "g": 1])
        span.end()
        #expect(try finished().attributes == ["a": 3, "b": 2, "c": 1])
        #expect(try finished().droppedAttributesCount == 4)
    }

    @Test("events and links beyond their limits are dropped and counted, the first come stay")
    func eventAndLinkLimits() throws {
        let other = SpanContext(traceID: TraceID(high: 0, low: 9), spanID: SpanID(9), flags: [])
        let link = OTelSpan.Link(context: other, attributes: ["a": 1, "b": 2, "c": 3])
        let tracer = tracer {
            $0.eventCount = 2
            $0.eventAttributeCount = 1
            $0.linkCount = 3
            $0.linkAttributeCount = 2
        }
        let span = tracer.startSpan("s", links: [link, link])
        for number in 1...5 {
            span.addEvent("event \(number)", attributes: ["a": 1, "b": 2, "c": 3])
            span.addLink(link)
        }
        span.end()
        let finished = try finished()
        #expect(finished.events.map(\.name) == ["event 1", "event 2"])
        #expect(finished.events.allSatisfy { $0.attributes == ["a": 1] && $0.droppedAttributesCount == 2 })
        #expect(finished.droppedEventsCount == 3)
        #expect(finished.links.count == 3)
        #expect(finished.links.allSatisfy { $0.attributes == ["a": 1, "b": 2] && $0.droppedAttributesCount == 1 })
        #expect(finished.droppedLinksCount == 4)

        let many = tracer.startSpan("many", links: Array(repeating: link, count: 10))
        many.end()
        #expect(processor.spans(named: "many").first?.droppedLinksCount == 7)
    }

    @Test("long values are cut to code points and bytes, also in lists, events and links")
    func valueLength() throws {
        let span = tracer { $0.attributeValueLength = 3 }.startSpan(
            "s",
            attributes: [
                "s": "ab🇩🇪d", "marks": .string("a" + String(repeating: "\u{301}", count: 10_000)), "short": "abc",
                "b": .bytes([1, 2, 3, 4]), "n": 123_456,
            ],
            links: [
                OTelSpan.Link(
                    context: SpanContext(traceID: TraceID(high: 0, low: 1), spanID: SpanID(1), flags: []),
                    attributes: ["l": "12345"]
                )
            ]
        )
        span.setAttribute("list", .array(["12345", .array(["67890"]), 12345]))
        span.addEvent("e", attributes: ["e": "12345"])
        span.end()
        let finished = try finished()
        #expect(
            finished.attributes == [
                "s": "ab\u{1F1E9}", "marks": "a\u{301}\u{301}", "short": "abc", "b": .bytes([1, 2, 3]), "n": 123_456,
                "list": .array(["123", .array(["678"]), 12345]),
            ]
        )
        #expect(finished.droppedAttributesCount == 0)
        #expect(finished.events.first?.attributes == ["e": "123"])
        #expect(finished.links.first?.attributes == ["l": "123"])
    }

    @Test("without a value limit nothing is cut")
    func noValueLength() throws {
        let text = String(repeating: "x", count: 100_000)
        tracer { $0.attributeValueLength = nil }.startSpan("s", attributes: ["a": .string(text)]).end()
        #expect(try finished().attributes["a"] == .string(text))
    }

    @Test("the text of an error is masked like a log line")
    func maskedErrors() throws {
        let span = tracer().startSpan("s")
        span.setError(type: "Refused", message: "550 <ada@example.com> password=hunter2 unknown")
        span.end()
        let masked = OTelSpan.Status.error("550 <***@example.com> password=[redacted] unknown")
        #expect(try finished().status == masked)
        let other = tracer().startSpan("other")
        other.setStatus(.error("550 <ada@example.com> password=hunter2 unknown"))
        other.end()
        #expect(processor.spans(named: "other").map(\.status) == [masked])
    }

    @Test("ok is final, an error may be replaced by an error, unset changes nothing")
    func status() throws {
        func status(after changes: [OTelSpan.Status]) throws -> OTelSpan.Status {
            let span = tracer().startSpan("\(changes)")
            for change in changes { span.setStatus(change) }
            span.end()
            return try #require(processor.spans(named: "\(changes)").first?.status)
        }
        #expect(try status(after: []) == .unset)
        #expect(try status(after: [.unset]) == .unset)
        #expect(try status(after: [.error("a"), .unset]) == .error("a"))
        #expect(try status(after: [.error("a"), .error("b")]) == .error("b"))
        #expect(try status(after: [.error("a"), .ok]) == .ok)
        #expect(try status(after: [.ok, .error("a")]) == .ok)
        #expect(try status(after: [.ok, .unset]) == .ok)
    }

    @Test("links are kept with their attributes, in order")
    func links() throws {
        let first = SpanContext(traceID: TraceID(high: 0, low: 1), spanID: SpanID(1), flags: .sampled, isRemote: true)
        let second = SpanContext(traceID: TraceID(high: 0, low: 2), spanID: SpanID(2), flags: [])
        let span = tracer().startSpan("s", links: [OTelSpan.Link(context: first)])
        span.addLink(OTelSpan.Link(context: second, attributes: ["retry": 1]))
        span.end()
        #expect(
            try finished().links == [
                OTelSpan.Link(context: first), OTelSpan.Link(context: second, attributes: ["retry": 1]),
            ]
        )
    }

    @Test("many tasks may change one span while another ends it")
    func concurrency() async throws {
        let tracer = tracer {
            $0.eventCount = 100
            $0.linkCount = 100
        }
        let span = tracer.startSpan("s")
        let rounds = 2_000
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<rounds {
                        span.setAttribute("task \(task)", .int(round))
                        span.addEvent("e")
                        span.addLink(OTelSpan.Link(context: span.spanContext))
                        span.name = "name \(task)"
                        if round % 100 == 0 { await Task.yield() }
                    }
                }
            }
        }
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { span.end() }
                group.addTask { span.setAttribute("late", true) }
            }
        }
        #expect(processor.spans.count == 1)
        let finished = try finished()
        for task in 0..<8 { #expect(finished.attributes["task \(task)"] == .int(rounds - 1)) }
        #expect(finished.events.count == 100)
        #expect(finished.droppedEventsCount == 8 * rounds - 100)
        #expect(finished.droppedLinksCount == 8 * rounds - 100)
    }
}
