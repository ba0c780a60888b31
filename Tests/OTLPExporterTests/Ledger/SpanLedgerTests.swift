import Foundation
import Logging
import Observability
import Synchronization
import TestKit
import Testing

@testable import OTLPExporter

/// Whether tests may take minutes: `make test-long`.
let isLong = ProcessInfo.processInfo.environment["CONTRAIL_LONG_TESTS"]?.isEmpty == false

@Suite("The ledger of spans")
struct SpanLedgerTests {
    @Test("balances at every look while the backend misbehaves, and exactly at the end")
    func balance() async throws {
        let seed = UInt64.random(in: .min ... .max)
        let books = try Books(seed: seed)
        let end = ContinuousClock.now + (isLong ? .seconds(180) : .seconds(5))
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while ContinuousClock.now < end {
                    books.look()
                    try? await Task.sleep(for: .milliseconds(2))
                }
            }
            for task in 0..<12 {
                group.addTask { await books.produce(seed: seed &+ UInt64(task), until: end) }
            }
        }
        // Some spans outlive the shutdown.
        let late = books.startLate(50)
        _ = await books.provider.shutdown(timeout: .seconds(5))
        books.look()
        for span in late { books.end(span) }
        let isAtRest = await eventually {
            books.look()
            let statistics = books.processor.statistics
            return statistics.queued + statistics.inFlight == 0
        }
        #expect(isAtRest)
        try books.close()
        // The faults happened.
        let conducts = books.backend.conducts
        let unseen = MisbehavingBackend.Conduct.allCases.filter { conducts[$0] == nil }
        #expect(unseen.count <= (isLong ? 0 : 4), "seed \(seed): \(conducts)")
        #expect(conducts.values.reduce(0, +) > 20, "seed \(seed): \(conducts)")
    }
}

/// An SDK with a backend that misbehaves, and a second account of every span that is kept beside it.
private final class Books: Sendable {
    let backend: MisbehavingBackend
    let processor: BatchSpanProcessor
    let provider: TracerProvider
    private let tail: TailKeep
    private let tracer: OTelTracer
    private let registry = MetricsRegistry()
    private let seed: UInt64
    private let starting = Atomic<Int>(0)
    private let started = Atomic<Int>(0)
    private let ending = Atomic<Int>(0)
    private let ended = Atomic<Int>(0)
    private let abandoned = Atomic<Int>(0)

    init(seed: UInt64) throws {
        self.seed = seed
        backend = try MisbehavingBackend(seed: seed)
        let exporter = try makeExporter(backend.url) { $0.timeout = .milliseconds(400) }
        var batch = BatchSpanProcessor.Configuration()
        batch.maximumQueueSize = 1024
        batch.maximumBatchSize = 128
        batch.scheduledDelay = .milliseconds(20)
        processor = BatchSpanProcessor(exporter: exporter, resource: testResource, configuration: batch)
        var keep = TailKeep.Configuration()
        keep.maximumBytes = 200_000
        keep.keptPerSecond = 100
        keep.rememberedVerdicts = 200
        tail = TailKeep(keep)
        provider = TracerProvider(
            resource: testResource,
            sampler: .parentBased(root: .traceIDRatio(0.4)),
            tailKeep: tail,
            ids: IDGenerator(seed: seed),
            processor: processor
        )
        tracer = provider.tracer("ledger")
        registry.registerSDKMetrics(of: provider, processor)
    }

    // MARK: Spans

    /// Makes traces of up to six spans: some fail, some are kept by somebody's word, some are never ended.
    func produce(seed: UInt64, until end: ContinuousClock.Instant) async {
        var random = SeededGenerator(seed: seed)
        var running: [OTelSpan] = []
        while ContinuousClock.now < end {
            let root = start(parent: ActiveContext())
            running.append(root)
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                let child = start(parent: ActiveContext(root))
                switch Int.random(in: 0..<60, using: &random) {
                case 0: child.setError(type: "Broken")
                case 1: child.keepTrace(.late)
                case 2:
                    // Nobody refers to it any more.
                    abandoned.wrappingAdd(1, ordering: .relaxed)
                    continue
                default: break
                }
                running.append(child)
            }
            // Parents end before and after their children, and some only long after others have started.
            running.shuffle(using: &random)
            while running.count > 8, let span = running.popLast() { self.end(span) }
            // Faster than a backend that often fails, slower than what would only ever be dropped.
            if Int.random(in: 0..<4, using: &random) == 0 {
                try? await Task.sleep(for: .milliseconds(Int.random(in: 0...4, using: &random)))
            }
        }
        for span in running { self.end(span) }
    }

    func startLate(_ count: Int) -> [OTelSpan] {
        (0..<count).map { _ in start(parent: ActiveContext()) }
    }

    private func start(parent: ActiveContext) -> OTelSpan {
        starting.wrappingAdd(1, ordering: .sequentiallyConsistent)
        defer { started.wrappingAdd(1, ordering: .sequentiallyConsistent) }
        return tracer.startSpan("work", parent: parent, attributes: ["n": 1, "s": "a text that is not short at all"])
    }

    func end(_ span: OTelSpan) {
        ending.wrappingAdd(1, ordering: .sequentiallyConsistent)
        span.end()
        // A second call is nobody's second span.
        span.end()
        ended.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }

    // MARK: Accounts

    /// What holds at any time, whoever is in the middle of what.
    func look() {
        let processed = processor.statistics
        let accepted = backend.accepted
        let endedBefore = ended.load(ordering: .sequentiallyConsistent)
        let startedBefore = started.load(ordering: .sequentiallyConsistent)
        let kept = tail.statistics
        let spans = provider.statistics
        let startedAfter = starting.load(ordering: .sequentiallyConsistent)
        let endedAfter = ending.load(ordering: .sequentiallyConsistent)

        #expect(processed.received == processed.settled + processed.queued + processed.inFlight, "seed \(seed)")
        #expect(processed.queued >= 0 && processed.queued <= processor.queueCapacity, "seed \(seed)")
        #expect((0...128).contains(processed.inFlight), "seed \(seed)")
        // Nothing is called exported that the backend has not taken.
        #expect(processed.exported <= accepted, "seed \(seed)")

        let gone = kept.promotedSpans + kept.evictedSpans + kept.exceedingSpans
        #expect(kept.received == kept.heldSpans + gone, "seed \(seed)")
        #expect(kept.heldBytes <= 200_000, "seed \(seed)")

        #expect((startedBefore...startedAfter).contains(spans.allStarted), "seed \(seed)")
        #expect((endedBefore...endedAfter).contains(spans.allEnded), "seed \(seed)")
        for result in [SpanStatistics.SamplingResult.recordOnly, .recordAndSample] {
            #expect(spans.live(result) >= 0, "seed \(seed)")
        }
        // What has arrived has ended before, or was kept after all.
        let promoted = tail.statistics.promotedSpans
        #expect(processed.received <= (spans.ended[.recordAndSample] ?? 0) + promoted, "seed \(seed)")
    }

    /// What holds when nothing moves any more, in the statistics and in a scrape.
    func close() throws {
        let (spans, processed, kept) = (provider.statistics, processor.statistics, tail.statistics)
        let lost = abandoned.load(ordering: .relaxed)
        #expect(spans.allStarted == started.load(ordering: .relaxed), "seed \(seed)")
        #expect(spans.allEnded == ended.load(ordering: .relaxed), "seed \(seed)")
        #expect(spans.abandoned.values.reduce(0, +) == lost, "seed \(seed)")
        #expect(spans.allStarted == spans.allEnded + lost, "seed \(seed)")
        #expect(spans.live(.recordOnly) == 0 && spans.live(.recordAndSample) == 0, "seed \(seed)")
        #expect(spans.ended[.recordOnly] == kept.received, "seed \(seed)")
        #expect((spans.ended[.recordAndSample] ?? 0) + kept.promotedSpans == processed.received, "seed \(seed)")
        #expect(processed.received == processed.settled, "seed \(seed)")
        // All kinds of ends were there.
        #expect(processed.exported > 0 && !processed.failed.isEmpty && kept.promotedSpans > 0 && lost > 0)
        #expect(processed.droppedAfterShutdown > 0)
        #expect(kept.evictedSpans > 0)

        let text = String(decoding: PrometheusText.render(registry), as: UTF8.self)
        let scrape = Scrape(text)
        for result in SpanStatistics.SamplingResult.allCases {
            let label = "otel_span_sampling_result=\"\(result.rawValue)\""
            #expect(scrape.sum("otel_sdk_span_started_total", label) == spans.started(result))
        }
        #expect(scrape.sum("otel_sdk_span_live") == 0)
        #expect(scrape.sum("contrail_span_abandoned_total") == lost)
        #expect(scrape.sum("contrail_trace_tail_spans_total", "outcome=\"promoted\"") == kept.promotedSpans)
        #expect(scrape.sum("contrail_trace_tail_spans_total", "outcome=\"evicted\"") == kept.evictedSpans)
        #expect(scrape.sum("contrail_trace_tail_held_spans") == kept.heldSpans)
        #expect(scrape.sum("otel_sdk_processor_span_queue_size") == 0)
        #expect(scrape.sum("otel_sdk_exporter_span_inflight") == 0)
        #expect(scrape.sum("otel_sdk_processor_span_processed_total") == processed.received)
        let passed = scrape.sum("otel_sdk_processor_span_processed_total", "error_type=\"\"")
        #expect(scrape.sum("otel_sdk_exporter_span_exported_total") == passed)
        #expect(scrape.sum("otel_sdk_exporter_span_exported_total", "error_type=\"\"") == processed.exported)
        for (type, count) in processed.failed {
            #expect(scrape.sum("otel_sdk_exporter_span_exported_total", "error_type=\"\(type)\"") == count)
        }
        // The whole way in one line, from a scrape alone.
        let sampled = scrape.sum("otel_sdk_span_started_total", "=\"RECORD_AND_SAMPLE\"")
        let abandoned = scrape.sum("contrail_span_abandoned_total", "=\"RECORD_AND_SAMPLE\"")
        let promoted = scrape.sum("contrail_trace_tail_spans_total", "outcome=\"promoted\"")
        #expect(sampled - abandoned + promoted == scrape.sum("otel_sdk_processor_span_processed_total"))
    }
}

/// The whole numbers of an exposition.
private struct Scrape {
    private let lines: [(series: Substring, value: Int)]

    init(_ text: String) {
        lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 2, let value = Double(parts[1]) else { return nil }
            return (parts[0], Int(value))
        }
    }

    /// The sum of a metric's series whose labels have a text.
    func sum(_ name: String, _ label: String = "") -> Int {
        lines.filter { series, _ in
            series.prefix { $0 != "{" } == name && (label.isEmpty || series.contains(label))
        }.map(\.value).reduce(0, +)
    }
}

extension SpanStatistics {
    fileprivate var allStarted: Int { started.values.reduce(0, +) }
    fileprivate var allEnded: Int { ended.values.reduce(0, +) }
}

extension BatchSpanProcessor.Statistics {
    /// Spans whose end is known.
    fileprivate var settled: Int {
        exported + failed.values.reduce(0, +) + droppedQueueFull + droppedAfterShutdown
    }
}
