import TestKit
import Testing

@testable import Observability

@Suite("Remote parents")
struct RemoteParentPolicyTests {
    private let provider = TracerProvider(testing: InMemorySpanProcessor(), sampler: .parentBased(root: .alwaysOff))

    private func caller(_ flags: TraceFlags = [.sampled, .random], trace: UInt64 = 1) -> ActiveContext {
        var baggage = Baggage()
        baggage.set("tenant", to: "evil")
        return ActiveContext(
            spanContext: SpanContext(
                traceID: TraceID(high: 7, low: trace),
                spanID: SpanID(9),
                flags: flags,
                isRemote: true
            ),
            baggage: baggage
        )
    }

    @Test("a trusted caller's trace is continued as it came")
    func trust() {
        let (parent, links) = RemoteParentPolicy(.trust).admit(caller(), to: provider)
        #expect(parent.spanContext == caller().spanContext)
        #expect(parent.baggage["tenant"] == "evil")
        #expect(links.isEmpty)
    }

    @Test("a caller that is not trusted may begin nothing but a link, and brings no baggage")
    func restart() {
        let (parent, links) = RemoteParentPolicy(.restart).admit(caller(), to: provider)
        #expect(parent.spanContext == nil)
        #expect(parent.baggage.isEmpty)
        #expect(links.map(\.context) == [caller().spanContext])
        let (root, none) = RemoteParentPolicy(.restart).admit(ActiveContext(), to: provider)
        #expect(root.spanContext == nil && none.isEmpty)
    }

    @Test("callers force sampling only as often as they may, whatever else they send")
    func forcing() {
        let policy = RemoteParentPolicy(.continue, forcedPerSecond: 3)
        var sampled = 0
        for number in 1...100 {
            let (parent, links) = policy.admit(caller(trace: UInt64(number)), to: provider)
            #expect(parent.spanContext?.traceID.low == UInt64(number))
            #expect(parent.baggage.isEmpty && links.isEmpty)
            let span = provider.tracer("t").startSpan("s", parent: parent)
            if span.spanContext.isSampled { sampled += 1 }
            span.end()
        }
        // Three at once, and three more for each second that the loop took.
        #expect((3...20).contains(sampled))
        #expect(policy.statistics.forced == sampled)
        #expect(policy.statistics.refused == 100 - sampled)
        // Who asks for nothing is not counted.
        _ = policy.admit(caller(.random), to: provider)
        #expect(policy.statistics.forced + policy.statistics.refused == 100)
    }

    @Test("a caller who chooses a trace id that the sampler likes is counted like any other")
    func chosenID() {
        let provider = TracerProvider(
            testing: InMemorySpanProcessor(),
            sampler: .parentBased(root: .traceIDRatio(0.01))
        )
        let policy = RemoteParentPolicy(.continue, forcedPerSecond: 0)
        for number in 0..<10 {
            let (parent, _) = policy.admit(caller(trace: .max - UInt64(number)), to: provider)
            #expect(!provider.tracer("t").startSpan("s", parent: parent).spanContext.isSampled)
        }
        #expect(policy.statistics.forced == 0)
        #expect(policy.statistics.refused == 10)
    }

    @Test("a trace that the sampler chooses anyway costs the caller nothing")
    func chosenAnyway() {
        let provider = TracerProvider(testing: InMemorySpanProcessor())
        let policy = RemoteParentPolicy(.continue, forcedPerSecond: 0)
        for _ in 0..<10 { #expect(policy.admit(caller(), to: provider).parent.spanContext?.isSampled == true) }
        #expect(policy.statistics.forced == 0)
    }

    @Test("a caller whose wishes are refused cannot have call after call exported under one trace that failed")
    func keptID() {
        var configuration = TailKeep.Configuration()
        configuration.maximumSpansPerTrace = 10
        let spans = InMemorySpanProcessor()
        let provider = TracerProvider(
            resource: Resource(attributes: [:]),
            sampler: .parentBased(root: .alwaysOff),
            tailKeep: TailKeep(configuration),
            processor: spans
        )
        let policy = RemoteParentPolicy(.continue, forcedPerSecond: 0)
        for call in 0..<100 {
            let (parent, _) = policy.admit(caller(), to: provider)
            let span = provider.tracer("t").startSpan("\(call)", parent: parent)
            if call % 20 == 3 { span.setError(type: "Broken") }
            span.end()
        }
        #expect(policy.statistics.refused == 100)
        #expect(spans.spans.map(\.name) == (0..<10).map { "\($0)" })
        #expect(provider.tailKeep?.statistics.keptTraces == [.error: 1])
        #expect(provider.tailKeep?.statistics.heldSpans == 0)
        // Other traces are none of its business.
        let (other, _) = policy.admit(caller(trace: 2), to: provider)
        let span = provider.tracer("t").startSpan("other", parent: other)
        span.setError(type: "Broken")
        span.end()
        #expect(spans.spans.last?.name == "other")
    }

    @Test("a token bucket gives its burst at once, then its rate, also from a time to which the clock was set back")
    func rateLimit() {
        var limit = RateLimit(perSecond: 2, burst: 3)
        let second: UInt64 = 1_000_000_000
        let halves: [UInt64] = [20, 20, 20, 20, 20, 21, 21, 4, 4, 5, 5, 200, 200, 200, 200, 200]
        let taken = halves.map { half in limit.take(at: half * second / 2) }
        #expect(taken[..<5] == [true, true, true, false, false])
        #expect(taken[5..<7] == [true, false])
        #expect(taken[7..<11] == [false, false, true, false])
        #expect(taken[11...] == [true, true, true, false, false])
    }
}
