import Observability
import TestKit
import Testing

/// What samplers do to `tracestate`: "Probability sampling using tracestate" and "Tracestate handling".
@Suite("Conformance of sampling")
struct ConformanceSamplingTests {
    private static let half: UInt64 = 0x80_0000_0000_0000

    private func start(
        _ sampler: Sampler,
        randomness: UInt64,
        _ flags: TraceFlags = .sampled,
        state: String = ""
    ) throws -> OTelSpan {
        let parent = SpanContext(
            traceID: TraceID(high: 1, low: randomness),
            spanID: SpanID(1),
            flags: flags,
            traceState: try #require(TraceState(headerLines: [state])),
            isRemote: true
        )
        return TracerProvider(testing: InMemorySpanProcessor(), sampler: sampler).tracer("t")
            .startSpan("s", parent: ActiveContext(spanContext: parent))
    }

    @Test(
        "a root that a ratio samples says so in tracestate, one that it drops does not",
        arguments: 0..<50 as Range<UInt64>
    )
    func root(seed: UInt64) {
        let provider = TracerProvider(
            testing: InMemorySpanProcessor(),
            sampler: .parentBased(root: .traceIDRatio(0.5)),
            seed: seed
        )
        let span = provider.tracer("t").startSpan("s", parent: ActiveContext())
        #expect(span.isSampled == (span.spanContext.traceID.low & 0x00FF_FFFF_FFFF_FFFF >= Self.half))
        #expect(span.spanContext.traceState.header == (span.isSampled ? "ot=th:8" : ""))
        // A child follows its parent, and its state.
        let child = provider.tracer("t").startSpan("child", parent: ActiveContext(span))
        #expect(child.isSampled == span.isSampled)
        #expect(child.spanContext.traceState == span.spanContext.traceState)
    }

    @Test("samplers without a threshold write none")
    func always() {
        for sampler in [Sampler.alwaysOn, .alwaysOff, .traceIDRatio(1), .traceIDRatio(0)] {
            let provider = TracerProvider(testing: InMemorySpanProcessor(), sampler: sampler)
            #expect(provider.tracer("t").startSpan("s", parent: ActiveContext()).spanContext.traceState.isEmpty)
        }
    }

    @Test("a parent's threshold is kept when its decision agrees with it, and erased when it does not")
    func parentThreshold() throws {
        let kept = try start(.parentBased(root: .alwaysOn), randomness: Self.half, state: "a=1,ot=th:8;x:y,b=2")
        #expect(kept.isSampled)
        #expect(kept.spanContext.traceState.header == "a=1,ot=th:8;x:y,b=2")
        let erased = try start(.parentBased(root: .alwaysOn), randomness: Self.half - 1, state: "a=1,ot=th:8;x:y,b=2")
        #expect(erased.isSampled)
        #expect(erased.spanContext.traceState.header == "ot=x:y,a=1,b=2")
        let dropped = try start(.parentBased(root: .alwaysOn), randomness: Self.half, [], state: "ot=th:8,a=1")
        #expect(!dropped.isSampled)
        #expect(dropped.spanContext.traceState.header == "a=1")
    }

    @Test("explicit randomness decides in place of the trace id, and is never changed")
    func explicitRandomness() throws {
        let sampled = try start(.traceIDRatio(0.5), randomness: 0, state: "ot=rv:80000000000000")
        #expect(sampled.isSampled)
        #expect(sampled.spanContext.traceState.header == "ot=th:8;rv:80000000000000")
        let dropped = try start(.traceIDRatio(0.5), randomness: Self.half, state: "ot=th:0;rv:7fffffffffffff,a=1")
        #expect(!dropped.isSampled)
        #expect(dropped.spanContext.traceState.header == "ot=rv:7fffffffffffff,a=1")
    }

    @Test(
        "a threshold has four significant digits",
        arguments: [
            (0.5, "8"), (0.25, "c"), (0.1, "e666"), (0.2, "cccd"), (0.05, "f3333"), (0.01, "fd70a"), (0.001, "ffbe77"),
        ]
    )
    func precision(ratio: Double, digits: String) throws {
        let span = try start(.traceIDRatio(ratio), randomness: 0x00FF_FFFF_FFFF_FFFF)
        #expect(span.spanContext.traceState.header == "ot=th:\(digits)")
    }
}
