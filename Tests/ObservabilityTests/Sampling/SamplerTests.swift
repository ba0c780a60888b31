import Testing

@testable import Observability

@Suite("Sampler")
struct SamplerTests {
    private func parent(_ flags: TraceFlags, isRemote: Bool = true) -> SpanContext {
        SpanContext(traceID: TraceID(high: 1, low: 1), spanID: SpanID(1), flags: flags, isRemote: isRemote)
    }

    @Test("a parent's decision is followed, by its sampled bit only")
    func parentBased() {
        let id = TraceID(high: 1, low: 1)
        for isRemote in [true, false] {
            let off = Sampler.parentBased(root: .alwaysOff)
            #expect(off.shouldSample(parent: parent(.sampled, isRemote: isRemote), traceID: id))
            #expect(off.shouldSample(parent: parent([.sampled, .random], isRemote: isRemote), traceID: id))
            #expect(!off.shouldSample(parent: nil, traceID: id))
            let on = Sampler.parentBased(root: .alwaysOn)
            #expect(!on.shouldSample(parent: parent([], isRemote: isRemote), traceID: id))
            #expect(!on.shouldSample(parent: parent(.random, isRemote: isRemote), traceID: id))
            #expect(on.shouldSample(parent: nil, traceID: id))
        }
    }

    @Test("samplers that are not parent-based do not ask the parent")
    func independent() {
        let id = TraceID(high: 1, low: 0)
        #expect(Sampler.alwaysOn.shouldSample(parent: parent([]), traceID: id))
        #expect(!Sampler.alwaysOff.shouldSample(parent: parent(.sampled), traceID: id))
        #expect(!Sampler.traceIDRatio(0.5).shouldSample(parent: parent(.sampled), traceID: id))
    }

    @Test("the ratio's threshold is compared with the low 56 bits of the trace id")
    func threshold() {
        func samples(_ ratio: Double, _ low: UInt64, high: UInt64 = 1) -> Bool {
            Sampler.traceIDRatio(ratio).shouldSample(parent: nil, traceID: TraceID(high: high, low: low))
        }
        // Half of the traces: the threshold is 0x80000000000000.
        #expect(samples(0.5, 0x0080_0000_0000_0000))
        #expect(!samples(0.5, 0x007F_FFFF_FFFF_FFFF))
        // The high byte does not count.
        #expect(!samples(0.5, 0xFF7F_FFFF_FFFF_FFFF, high: .max))
        #expect(samples(0.5, 0xAB80_0000_0000_0000, high: 0))
        #expect(samples(0.25, 0x00C0_0000_0000_0000))
        #expect(!samples(0.25, 0x00BF_FFFF_FFFF_FFFF))
        #expect(samples(1, 0))
        #expect(samples(2, 0))
        #expect(!samples(0, .max))
        #expect(!samples(-1, .max))
        #expect(!samples(.leastNonzeroMagnitude, .max))
    }

    @Test("a higher ratio samples a superset, and about its share")
    func superset() throws {
        let ids = IDGenerator(seed: 5)
        let ratios = [0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 0.999]
        var counts = ratios.map { _ in 0 }
        let total = 20_000
        for _ in 0..<total {
            let id = ids.makeTraceID()
            let decisions = ratios.map { Sampler.traceIDRatio($0).shouldSample(parent: nil, traceID: id) }
            // Deterministic: the same trace, asked again by another service, is decided alike.
            try #require(decisions == ratios.map { Sampler.traceIDRatio($0).shouldSample(parent: nil, traceID: id) })
            // Once a ratio samples, all higher ones do.
            try #require(decisions == decisions.sorted { !$0 && $1 })
            for (index, isSampled) in decisions.enumerated() where isSampled { counts[index] += 1 }
        }
        for (ratio, count) in zip(ratios, counts) {
            let deviation = (Double(total) * ratio * (1 - ratio)).squareRoot()
            #expect(abs(Double(count) - Double(total) * ratio) < 5 * deviation, "ratio \(ratio): \(count)")
        }
    }

    @Test("samplers describe themselves as the specification prescribes")
    func descriptions() {
        #expect("\(Sampler.alwaysOn)" == "AlwaysOnSampler")
        #expect("\(Sampler.alwaysOff)" == "AlwaysOffSampler")
        #expect("\(Sampler.traceIDRatio(0.25))" == "TraceIdRatioBased{0.250000}")
        #expect("\(Sampler.parentBased(root: .alwaysOn))".hasPrefix("ParentBased{root:AlwaysOnSampler"))
    }

    @Test("a ratio that is none is used and described as the nearest one")
    func strangeRatios() {
        let id = TraceID(high: 1, low: 0)
        let cases: [(Double, String, Bool)] = [
            (.nan, "1.000000", true), (.infinity, "1.000000", true), (7, "1.000000", true),
            (-1, "0.000000", false), (-.infinity, "0.000000", false), (.leastNonzeroMagnitude, "0.000000", false),
        ]
        for (ratio, text, isSampled) in cases {
            #expect("\(Sampler.traceIDRatio(ratio))" == "TraceIdRatioBased{\(text)}")
            #expect(Sampler.traceIDRatio(ratio).shouldSample(parent: nil, traceID: id) == isSampled)
        }
    }

    @Test("identifiers are valid, distinct and repeatable by their seed")
    func identifiers() {
        let ids = IDGenerator()
        let traces = (0..<10_000).map { _ in ids.makeTraceID() }
        let spans = (0..<10_000).map { _ in ids.makeSpanID() }
        #expect(traces.allSatisfy(\.isValid) && Set(traces).count == traces.count)
        #expect(spans.allSatisfy(\.isValid) && Set(spans).count == spans.count)
        #expect(IDGenerator(seed: 3).makeTraceID() == IDGenerator(seed: 3).makeTraceID())
        #expect(IDGenerator(seed: 3).makeTraceID() != IDGenerator(seed: 4).makeTraceID())
        #expect(IDGenerator().makeTraceID() != IDGenerator().makeTraceID())
    }
}
