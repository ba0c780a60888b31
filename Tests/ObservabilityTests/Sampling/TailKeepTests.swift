import Synchronization
import TestKit
import Testing
import Tracing

@testable import Observability

@Suite("Tail keep")
struct TailKeepTests {
    private final class Time: Sendable {
        private let nanoseconds = Atomic<UInt64>(1_000_000_000)

        func load() -> UInt64 { nanoseconds.load(ordering: .relaxed) }

        func add(_ amount: UInt64) { nanoseconds.wrappingAdd(amount, ordering: .relaxed) }
    }

    /// A process with nothing sampled at the start, whose clock a test turns.
    private final class Process: Sendable {
        let spans = InMemorySpanProcessor()
        let time = Time()
        let tail: TailKeep
        let provider: TracerProvider
        let tracer: OTelTracer

        init(_ configuration: TailKeep.Configuration = .init(), sampler: Sampler = .parentBased(root: .alwaysOff)) {
            let now: @Sendable () -> UInt64 = { [time] in time.load() }
            tail = TailKeep(configuration, clock: now)
            provider = TracerProvider(
                resource: Resource(attributes: [:]),
                sampler: sampler,
                tailKeep: tail,
                processor: spans,
                clock: now
            )
            tracer = provider.tracer("test")
        }

        func pass(_ duration: Duration) {
            time.add(UInt64(duration / .nanoseconds(1)))
        }

        /// A trace of one root and two children.
        @discardableResult
        func trace(_ name: String, lasting duration: Duration = .milliseconds(1), error: Bool = false) -> TraceID {
            let root = tracer.startSpan(name)
            for child in 1...2 {
                let span = tracer.startSpan("\(name) \(child)", parent: ActiveContext(root))
                pass(duration)
                if error, child == 2 { span.setError(type: "Broken") }
                span.end()
            }
            root.end()
            return root.spanContext.traceID
        }
    }

    @Test("a trace without faults is held and not exported")
    func unremarkable() {
        let process = Process()
        process.trace("fine")
        #expect(process.spans.spans.isEmpty)
        let statistics = process.tail.statistics
        #expect(statistics.heldSpans == 3)
        #expect(statistics.received == 3)
        #expect(statistics.heldBytes > 3 * 200)
        #expect(process.provider.statistics.started(.recordOnly) == 3)
        #expect(process.provider.statistics.live(.recordOnly) == 0)
    }

    @Test("an error exports what came before it in the trace and what comes after it, and no other trace")
    func error() {
        let process = Process()
        process.trace("fine")
        process.trace("broken", error: true)
        process.trace("fine too")
        #expect(Set(process.spans.spans.map(\.name)) == ["broken", "broken 1", "broken 2"])
        #expect(process.spans.spans.allSatisfy { $0.context.isSampled })
        #expect(process.tail.statistics.keptTraces == [.error: 1])
        #expect(process.tail.statistics.heldSpans == 6)
    }

    @Test("a slow span exports its trace")
    func slow() {
        let process = Process()
        process.trace("slow", lasting: .seconds(5))
        #expect(process.spans.spans.count == 3)
        #expect(process.tail.statistics.keptTraces == [.slow: 1])
    }

    @Test("measurements of a trace that is kept lead to it")
    func exemplar() {
        let process = Process()
        let late = process.tracer.startSpan("late")
        let fine = process.tracer.startSpan("fine")
        #expect(!late.exportedContext.isSampled)
        late.keepTrace(.late)
        #expect(late.exportedContext == late.spanContext.sampled)
        #expect(fine.exportedContext == fine.spanContext && !fine.spanContext.isSampled)
        let sampling = Process(sampler: .parentBased(root: .alwaysOn))
        let sampled = sampling.tracer.startSpan("sampled")
        #expect(sampled.exportedContext == sampled.spanContext && sampled.spanContext.isSampled)
    }

    @Test("a failure keeps its trace before the span ends, so that what is measured in it leads to the trace")
    func failureAtOnce() async {
        let process = Process()
        let registry = MetricsRegistry()
        let counter = registry.counter("failures", help: "")
        _ = OpenMetricsText.render(registry)
        let span = process.tracer.startSpan("failing")
        await ActiveContext(span).run {
            counter.increment()
            #expect(!String(decoding: OpenMetricsText.render(registry), as: UTF8.self).contains("trace_id"))
            span.setError(type: "Broken")
            #expect(span.exportedContext == span.spanContext.sampled)
            // One measurement without a trace lets the next one pass.
            counter.increment()
            counter.increment()
        }
        let text = String(decoding: OpenMetricsText.render(registry), as: UTF8.self)
        #expect(text.contains("trace_id=\"\(span.spanContext.traceID.hex)\""), "\(text)")
        #expect(process.tail.statistics.keptTraces == [.error: 1])
        span.end()
        #expect(process.spans.spans.map(\.name) == ["failing"])
    }

    @Test("a span that was declared a success cannot fail, and its trace is not kept")
    func success() {
        let process = Process()
        let span = process.tracer.startSpan("done")
        span.setStatus(.ok)
        span.setError(type: "Broken")
        #expect(!span.exportedContext.isSampled)
        span.end()
        #expect(process.spans.spans.isEmpty)
    }

    @Test("whoever knows that a trace matters can say so, also for another process")
    func explicit() {
        let process = Process()
        let id = process.trace("told")
        #expect(process.spans.spans.isEmpty)
        process.provider.keepTrace(id, .remote)
        #expect(process.spans.spans.count == 3)
        let span = process.tracer.startSpan("late")
        span.keepTrace(.late)
        let child = process.tracer.startSpan("child", parent: ActiveContext(span))
        // From the verdict on, hops that follow are told by the flag.
        #expect(!span.spanContext.isSampled)
        #expect(child.spanContext.isSampled)
        child.end()
        span.end()
        #expect(process.spans.spans.count == 5)
    }

    @Test("other processes are told of verdicts of this one, once for each trace, and not of their own")
    func listener() {
        let process = Process()
        let told = Mutex<[TraceID]>([])
        process.tail.setListener { id in told.withLock { $0.append(id) } }
        let broken = process.trace("broken", error: true)
        let remote = process.trace("remote")
        process.provider.keepTrace(remote, .remote)
        process.provider.keepTrace(broken, .remote)
        process.provider.keepTrace(broken, .late)
        #expect(told.withLock { $0 } == [broken])
    }

    @Test("the memory stays inside its bound, whole traces make room, and what is left is complete")
    func bound() {
        var configuration = TailKeep.Configuration()
        configuration.maximumBytes = 100_000
        let process = Process(configuration)
        var ids: [TraceID] = []
        for number in 0..<2_000 {
            ids.append(process.trace("trace \(number)"))
            #expect(process.tail.statistics.heldBytes <= configuration.maximumBytes)
        }
        let statistics = process.tail.statistics
        #expect(statistics.evictedSpans > 1_000)
        #expect(statistics.heldSpans + statistics.evictedSpans == 6_000)
        let kept = ids.suffix(statistics.heldSpans / 3 - 1)
        #expect(kept.count > 10)
        for id in kept.suffix(50) { process.provider.keepTrace(id, .late) }
        for id in kept.suffix(50) { #expect(process.spans.spans.count { $0.context.traceID == id } == 3) }
        // What was evicted is gone.
        let before = process.spans.spans.count
        process.provider.keepTrace(ids[0], .late)
        #expect(process.spans.spans.count == before)
    }

    @Test(
        "what callers and errors can make long counts towards the memory: state, links, descriptions",
        arguments: ["state", "link", "description"]
    )
    func longParts(part: String) throws {
        var configuration = TailKeep.Configuration()
        configuration.keptPerSecond = 0
        let process = Process(configuration)
        let state = try #require(
            TraceState(headerLines: (0..<30).map { "k\($0)=" + String(repeating: "v", count: 250) })
        )
        let caller = SpanContext(
            traceID: TraceID(high: 1, low: 2),
            spanID: SpanID(3),
            flags: [],
            traceState: state,
            isRemote: true
        )
        process.trace("short")
        let short = process.tail.statistics.heldBytes / 3
        let span = process.tracer.startSpan(
            "long",
            parent: part == "state" ? ActiveContext(spanContext: caller) : ActiveContext()
        )
        if part == "link" { span.addLink(OTelSpan.Link(context: caller)) }
        if part == "description" { span.setStatus(.error(String(repeating: "e", count: 8_000))) }
        span.end()
        #expect(process.spans.spans.isEmpty)
        #expect(process.tail.statistics.heldBytes - 3 * short > 7_500 + short)
    }

    @Test("what is held ends with the provider, also what ends after it")
    func end() {
        weak var tail: TailKeep?
        var late: OTelSpan?
        do {
            let process = Process()
            tail = process.tail
            process.trace("fine")
            late = process.tracer.startSpan("late")
            #expect(tail?.statistics.heldSpans == 3)
        }
        #expect(tail?.statistics.heldSpans == 0 && tail?.statistics.heldBytes == 0)
        late?.end()
        #expect(tail?.statistics.heldSpans == 0 && tail?.statistics.evictedSpans == 4)
        late = nil
        #expect(tail == nil)
    }

    @Test("none a second is none")
    func noVerdicts() {
        var configuration = TailKeep.Configuration()
        configuration.keptPerSecond = 0
        let process = Process(configuration)
        process.trace("broken", error: true)
        #expect(process.spans.spans.isEmpty)
        #expect(process.tail.statistics.refusedTraces == 1)
    }

    @Test("too many verdicts at once are refused and counted, and later ones are met again")
    func flood() {
        var configuration = TailKeep.Configuration()
        configuration.keptPerSecond = 10
        let process = Process(configuration)
        for _ in 0..<50 { process.trace("broken", lasting: .zero, error: true) }
        #expect(process.tail.statistics.keptTraces[.error] == 10)
        #expect(process.tail.statistics.refusedTraces >= 40)
        process.pass(.seconds(1))
        process.trace("again", lasting: .zero, error: true)
        #expect(process.tail.statistics.keptTraces[.error] == 11)
    }

    @Test("a trace that is refused counts once, however many of its spans fail")
    func refusedOnce() {
        var configuration = TailKeep.Configuration()
        configuration.keptPerSecond = 0
        let process = Process(configuration)
        for _ in 1...2 {
            let root = process.tracer.startSpan("root")
            for _ in 1...3 {
                let child = process.tracer.startSpan("child", parent: ActiveContext(root))
                child.setError(type: "Broken")
                child.end()
            }
            root.keepTrace(.late)
            root.setError(type: "Broken")
            root.end()
        }
        #expect(process.tail.statistics.refusedTraces == 2)
    }

    @Test("of a trace with more spans than may be exported the last ones are, and what is still to come is not")
    func maximumSpans() {
        var configuration = TailKeep.Configuration()
        configuration.maximumSpansPerTrace = 5
        let process = Process(configuration)
        let root = process.tracer.startSpan("root")
        for number in 0..<7 { process.tracer.startSpan("\(number)", parent: ActiveContext(root)).end() }
        #expect(process.tail.isKept(root.spanContext.traceID) == false)
        process.provider.keepTrace(root.spanContext.traceID, .remote)
        #expect(process.spans.spans.map(\.name) == ["2", "3", "4", "5", "6"])
        #expect(!process.tail.isKept(root.spanContext.traceID))
        #expect(!root.exportedContext.isSampled)
        process.provider.keepTrace(root.spanContext.traceID, .late)
        let child = process.tracer.startSpan("late", parent: ActiveContext(root))
        #expect(!child.spanContext.isSampled)
        for span in [child, root] {
            span.setError(type: "Broken")
            span.end()
        }
        #expect(process.spans.spans.count == 5)
        let statistics = process.tail.statistics
        #expect(statistics.exceedingSpans == 4 && statistics.promotedSpans == 5 && statistics.heldSpans == 0)
        #expect(statistics.received == 9)
        #expect(statistics.keptTraces == [.remote: 1])
    }

    @Test("what others put into the context of a span is not kept as long as the span is held")
    func standardContext() {
        final class Large: Sendable {}
        enum Key: InstrumentationContextKey { typealias Value = Large }
        let process = Process()
        let standard = DistributedTracer(process.tracer)
        weak var large: Large?
        let span: OTelSpan
        do {
            var context = InstrumentationContext.topLevel
            let value = Large()
            large = value
            context[Key.self] = value
            span = standard.startSpan("s", context: context)
        }
        #expect(span.context[Key.self] != nil)
        span.end()
        #expect(process.tail.statistics.heldSpans == 1)
        #expect(large == nil)
        #expect(span.context.active?.spanContext == span.spanContext)
    }

    @Test("a trace that is kept was chosen by no threshold")
    func threshold() throws {
        let process = Process()
        let state = try #require(TraceState(headerLines: ["ot=th:fffffff,a=1"]))
        let caller = SpanContext(
            traceID: TraceID(high: 1, low: 2),
            spanID: SpanID(3),
            flags: [],
            traceState: state,
            isRemote: true
        )
        let span = process.tracer.startSpan("s", parent: ActiveContext(spanContext: caller))
        #expect(span.spanContext.traceState.header == "ot=th:fffffff,a=1")
        span.keepTrace(.late)
        #expect(span.exportedContext.isSampled)
        #expect(span.exportedContext.traceState.header == "a=1")
        span.end()
        #expect(process.spans.spans.map(\.context.traceState.header) == ["a=1"])
    }

    @Test("verdicts of other processes are not counted against the limit: they were counted there")
    func remoteFlood() {
        var configuration = TailKeep.Configuration()
        configuration.keptPerSecond = 1
        let process = Process(configuration)
        let ids = (0..<50).map { process.trace("fine \($0)", lasting: .zero) }
        for id in ids { process.provider.keepTrace(id, .remote) }
        #expect(process.spans.spans.count == 150)
        #expect(process.tail.statistics.keptTraces == [.remote: 50])
        process.trace("broken", lasting: .zero, error: true)
        #expect(process.tail.statistics.keptTraces[.error] == 1)
    }

    @Test("a verdict that arrives while spans run exports them when they end, and marks what starts below them")
    func running() {
        let process = Process()
        let root = process.tracer.startSpan("root")
        let child = process.tracer.startSpan("child", parent: ActiveContext(root))
        process.provider.keepTrace(root.spanContext.traceID, .remote)
        #expect(process.spans.spans.isEmpty)
        // A message that was stored before the verdict says “not sampled”; this process knows better.
        let stored = SpanContext(
            traceID: root.spanContext.traceID,
            spanID: child.spanContext.spanID,
            flags: child.spanContext.flags,
            isRemote: true
        )
        let later = process.tracer.startSpan("later", parent: ActiveContext(spanContext: stored))
        #expect(later.spanContext.isSampled)
        for span in [child, later, root] { span.end() }
        #expect(process.spans.spans.map(\.name) == ["child", "later", "root"])
        #expect(process.spans.spans.allSatisfy { $0.context.isSampled })
    }

    @Test("verdicts are forgotten in their order when there are too many")
    func verdicts() {
        var configuration = TailKeep.Configuration()
        configuration.rememberedVerdicts = 3
        let process = Process(configuration)
        let ids = (0..<5).map { process.trace("broken \($0)", error: true) }
        #expect(ids.map { process.tail.isKept($0) } == [false, false, true, true, true])
    }

    @Test("a sampled trace is none of its business")
    func sampled() {
        let process = Process(sampler: .alwaysOn)
        process.trace("broken", error: true)
        #expect(process.spans.spans.count == 3)
        #expect(process.tail.statistics.received == 0)
    }

    @Test("every unsampled span is held, exported or evicted, under many tasks and verdicts")
    func balance() async {
        var configuration = TailKeep.Configuration()
        configuration.maximumBytes = 50_000
        configuration.keptPerSecond = .infinity
        let process = Process(configuration)
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<500 {
                        let id = process.trace("\(task)", error: number % 7 == 0)
                        if number % 11 == 0 { process.provider.keepTrace(id, .late) }
                    }
                }
            }
        }
        let statistics = process.tail.statistics
        #expect(statistics.received == 8 * 500 * 3)
        #expect(statistics.received == statistics.heldSpans + statistics.promotedSpans + statistics.evictedSpans)
        #expect(process.spans.spans.count == statistics.promotedSpans)
        #expect(statistics.heldBytes <= configuration.maximumBytes)
    }

    @Test("what was recorded is not shared by spans of other traces when memory is used again")
    func reuse() {
        var configuration = TailKeep.Configuration()
        configuration.maximumBytes = 10_000
        let process = Process(configuration)
        for number in 0..<500 {
            let span = process.tracer.startSpan("s \(number)")
            if number % 2 == 0 { span.setAttribute("even", .int(number)) }
            span.addEvent("e")
            if number > 400 { span.keepTrace(.late) }
            span.end()
        }
        for span in process.spans.spans {
            let number = Int(span.name.dropFirst(2)) ?? -1
            #expect(span.attributes["even"] == (number % 2 == 0 ? .int(number) : nil))
            #expect(span.events.count == 1)
        }
        #expect(process.spans.spans.count == 99)
    }
}
