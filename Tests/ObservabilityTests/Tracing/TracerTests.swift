import Observability
import TestKit
import Testing
import Tracing

@Suite("Tracer")
struct TracerTests {
    private let processor = InMemorySpanProcessor()

    private func tracer(_ sampler: Sampler = .parentBased(root: .alwaysOn)) -> OTelTracer {
        TracerProvider(testing: processor, sampler: sampler).tracer("tests", version: "1")
    }

    private func remote(_ flags: TraceFlags) throws -> ActiveContext {
        var baggage = Baggage()
        baggage.set("tenant", to: "acme")
        return ActiveContext(
            spanContext: SpanContext(
                traceID: TraceID(high: 1, low: 2),
                spanID: SpanID(3),
                flags: flags,
                traceState: try #require(TraceState(headerLines: ["a=1,b=2"])),
                isRemote: true
            ),
            baggage: baggage
        )
    }

    @Test("a root starts a new, random trace")
    func root() throws {
        tracer().startSpan("root", kind: .server).end()
        tracer().startSpan("other").end()
        let span = try #require(processor.spans(named: "root").first)
        #expect(span.context.isValid)
        #expect(span.context.flags == [.sampled, .random])
        #expect(!span.context.isRemote)
        #expect(span.context.traceState.isEmpty)
        #expect(span.parentSpanID == nil)
        #expect(!span.parentIsRemote)
        #expect(span.kind == .server)
        #expect(span.scope.name == "tests")
        #expect(span.scope.version == "1")
        #expect(span.endTime >= span.startTime)
        // Nineteen digits: nanoseconds of this century.
        #expect(span.startTime > 1_600_000_000_000_000_000)
    }

    @Test("a child inherits the trace, its state and its baggage")
    func child() async throws {
        let tracer = tracer()
        try await tracer.withSpan("parent", parent: remote([.sampled, .random])) { parent in
            await tracer.withSpan("child") { child in
                #expect(child.spanContext.traceID == parent.spanContext.traceID)
                #expect(child.spanContext.spanID != parent.spanContext.spanID)
                #expect(child.baggage["tenant"] == "acme")
            }
        }
        let child = try #require(processor.spans(named: "child").first)
        let parent = try #require(processor.spans(named: "parent").first)
        #expect(parent.parentSpanID == SpanID(3))
        #expect(parent.parentIsRemote)
        #expect(parent.context.traceID == TraceID(high: 1, low: 2))
        #expect(!parent.context.isRemote)
        #expect(parent.context.traceState.header == "a=1,b=2")
        #expect(child.parentSpanID == parent.context.spanID)
        #expect(!child.parentIsRemote)
        #expect(child.context.traceState.header == "a=1,b=2")
    }

    @Test("the random flag of a continued trace is kept as it came", arguments: [[], .random] as [TraceFlags])
    func randomFlag(flags: TraceFlags) throws {
        let sampled = tracer().startSpan("s", parent: try remote(flags.union(.sampled)))
        #expect(sampled.spanContext.flags == flags.union(.sampled))
        let unsampled = tracer().startSpan("s", parent: try remote(flags))
        #expect(unsampled.spanContext.flags == flags)
    }

    @Test("an invalid parent is as if there were none")
    func invalidParent() {
        let invalid = SpanContext(traceID: TraceID(high: 1, low: 1), spanID: SpanID(0), flags: .sampled)
        let span = tracer().startSpan("s", parent: ActiveContext(spanContext: invalid))
        #expect(span.spanContext.traceID != invalid.traceID)
        #expect(span.spanContext.isValid)
    }

    @Test("an unsampled span has a fresh id, records nothing, and is passed on with its decision")
    func unsampled() async throws {
        let tracer = tracer(.alwaysOff)
        let context = try remote(.sampled)
        let span = tracer.startSpan("s", parent: context, attributes: ["a": 1])
        #expect(!span.isSampled)
        #expect(span.spanContext.isValid)
        #expect(span.spanContext.traceID == context.spanContext?.traceID)
        #expect(span.spanContext.spanID != context.spanContext?.spanID)
        span.setAttribute("b", 2)
        span.addEvent("e")
        span.setStatus(.ok)
        var sent: [String: String] = [:]
        W3CPropagator.inject(ActiveContext(span)) { sent[$0] = $1 }
        #expect(sent["traceparent"]?.hasSuffix("\(span.spanContext.spanID)-00") == true)
        #expect(sent["tracestate"] == "a=1,b=2")
        #expect(sent["baggage"] == "tenant=acme")
        span.end()
        #expect(processor.spans.isEmpty)
        // The decision holds for the whole trace.
        let other = TracerProvider(testing: processor, seed: 2).tracer("other service")
        let child = other.startSpan("child", parent: ActiveContext(span))
        #expect(!child.isSampled)
        #expect(child.spanContext.spanID != span.spanContext.spanID)
    }

    @Test("attributes of a span that is not recorded are not even made")
    func lazyAttributes() {
        func expensive() -> Attributes {
            Issue.record("made attributes for nobody")
            return [:]
        }
        tracer(.alwaysOff).startSpan("s", attributes: expensive()).end()
    }

    @Test("spans nest across calls, tasks and task groups")
    func nesting() async throws {
        let tracer = tracer()
        await tracer.withSpan("outer") { outer in
            #expect(OTelSpan.current?.spanContext == outer.spanContext)
            async let one: Void = tracer.withSpan("async let") { _ in await Task.yield() }
            await withTaskGroup { group in
                for number in 0..<20 {
                    group.addTask {
                        await tracer.withSpan("group \(number)") { span in
                            await Task.yield()
                            #expect(OTelSpan.current?.spanContext == span.spanContext)
                            await tracer.withSpan("inner \(number)") { _ in await Task.yield() }
                            #expect(OTelSpan.current?.spanContext == span.spanContext)
                        }
                    }
                }
            }
            await one
            #expect(OTelSpan.current?.spanContext == outer.spanContext)
        }
        #expect(OTelSpan.current == nil)
        #expect(ActiveContext.current.spanContext == nil)
        let outer = try #require(processor.spans(named: "outer").first)
        #expect(processor.spans(named: "async let").first?.parentSpanID == outer.context.spanID)
        for number in 0..<20 {
            let group = try #require(processor.spans(named: "group \(number)").first)
            #expect(group.parentSpanID == outer.context.spanID)
            #expect(processor.spans(named: "inner \(number)").first?.parentSpanID == group.context.spanID)
        }
        #expect(Set(processor.spans.map(\.context.traceID)).count == 1)
    }

    @Test("a span that is started but not made active has no children by itself")
    func startedOnly() async throws {
        let tracer = tracer()
        let span = tracer.startSpan("started")
        #expect(OTelSpan.current == nil)
        let other = tracer.startSpan("other")
        #expect(other.spanContext.traceID != span.spanContext.traceID)
        let child = await ActiveContext(span).run { tracer.startSpan("child") }
        #expect(child.spanContext.traceID == span.spanContext.traceID)
        child.end()
        #expect(processor.spans.first?.parentSpanID == span.spanContext.spanID)
    }

    @Test("a context that is run replaces the one around it and gives way to it afterwards")
    func running() async throws {
        let tracer = tracer()
        let context = try remote(.sampled)
        await tracer.withSpan("outer") { outer in
            let inner = await context.run {
                #expect(ActiveContext.current.spanContext == context.spanContext)
                #expect(ActiveContext.current.baggage["tenant"] == "acme")
                #expect(OTelSpan.current == nil)
                return tracer.startSpan("inner")
            }
            #expect(inner.spanContext.traceID == context.spanContext?.traceID)
            #expect(OTelSpan.current?.spanContext == outer.spanContext)
            await ActiveContext().run {
                #expect(tracer.startSpan("root").spanContext.traceID != outer.spanContext.traceID)
            }
            await #expect(throws: Failure.self) { try await context.run { throw Failure() } }
            #expect(OTelSpan.current?.spanContext == outer.spanContext)
        }
    }

    private struct Failure: Error {}

    @Test("an error that leaves the body marks the span, without the error's text")
    func error() async throws {
        await #expect(throws: Failure.self) {
            try await tracer().withSpan("s") { _ in throw Failure() }
        }
        let span = try #require(processor.spans.first)
        #expect(span.status == .error(""))
        guard case .string(let type)? = span.attributes[SemanticConventions.errorType] else {
            Issue.record("no error.type")
            return
        }
        #expect(type.hasSuffix("Failure"))
    }

    @Test("what the body says about its error wins")
    func explicitError() async throws {
        await #expect(throws: Failure.self) {
            try await tracer().withSpan("s") { span in
                span.setError(type: "timeout", message: "no answer in 2 s")
                throw Failure()
            }
        }
        #expect(processor.spans.first?.status == .error("no answer in 2 s"))
        #expect(processor.spans.first?.attributes[SemanticConventions.errorType] == "timeout")
    }

    @Test("cancellation is no failure")
    func cancellation() async throws {
        await #expect(throws: CancellationError.self) {
            try await tracer().withSpan("s") { _ in throw CancellationError() }
        }
        #expect(processor.spans.first?.status == .unset)
        #expect(processor.spans.first?.attributes.isEmpty == true)
    }

    @Test("every started span ends, whatever becomes of its body")
    func balance() async {
        let provider = TracerProvider(testing: processor)
        let tracer = provider.tracer("tests")
        let total = 10_000
        let counts = await withTaskGroup(of: Result<Void, any Error>.self) { group in
            for number in 0..<total {
                group.addTask {
                    let task = Task {
                        try await tracer.withSpan("s") { _ in
                            await Task.yield()
                            if number % 3 == 0 { throw Failure() }
                            if number % 3 == 1 { try await Task.sleep(for: .seconds(60)) }
                        }
                    }
                    if number % 3 == 1 { task.cancel() }
                    return await task.result
                }
            }
            return await group.reduce(into: (returned: 0, failed: 0, cancelled: 0)) { counts, result in
                switch result {
                case .success: counts.returned += 1
                case .failure(is CancellationError): counts.cancelled += 1
                case .failure: counts.failed += 1
                }
            }
        }
        #expect(counts.failed == 3_334)
        #expect(counts.cancelled == 3_333)
        #expect(counts.returned == 3_333)
        #expect(processor.spans.count == total)
        #expect(processor.spans.count { $0.status != .unset } == counts.failed)
        #expect(Set(processor.spans.map(\.context.spanID)).count == total)
    }
}
