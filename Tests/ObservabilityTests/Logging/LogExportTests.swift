import Foundation
import Logging
import Synchronization
import TestKit
import Testing
import Tracing

@testable import Observability

@Suite("Log records for export")
struct LogExportTests {
    private final class Processor: LogRecordProcessor {
        private let state = Mutex<[LogRecord]>([])
        var records: [LogRecord] { state.withLock { $0 } }
        func onEmit(_ record: LogRecord) { state.withLock { $0.append(record) } }
        func forceFlush(timeout: Duration) async -> Bool { true }
        func shutdown(timeout: Duration) async -> Bool { true }
    }

    private func logger(
        _ processor: Processor,
        writer: LogWriter? = nil,
        baggage: BaggageAllowList = BaggageAllowList()
    ) -> Logger {
        let configuration = StructuredLogHandler.Configuration(
            format: .json,
            level: .trace,
            serviceName: "orders",
            writer: writer,
            processor: processor,
            baggageAllowList: baggage,
            clock: { 1_772_323_199_123_456_789 }
        )
        return Logger(label: "orders", factory: { StructuredLogHandler(label: $0, configuration: configuration) })
    }

    @Test("a record has what the line has, redacted, with the span of the code that logs")
    func record() async throws {
        let processor = Processor()
        let lines = LogCapture()
        let span = SpanContext(traceID: TraceID(high: 1, low: 2), spanID: SpanID(3), flags: [.random])
        let log = logger(processor, writer: lines.writer)
        await ActiveContext(spanContext: span).run {
            log.warning(
                "to ada@example.com",
                metadata: ["password": "hunter2", "count": "\(3)", "n": .stringConvertible(4)]
            )
        }
        let record = try #require(processor.records.first)
        #expect(record.message == "to ***@example.com")
        #expect(record.level == .warning)
        #expect(record.label == "orders")
        #expect(record.time == 1_772_323_199_123_456_789)
        #expect(record.spanContext == span)
        #expect(record.metadata.map(\.key) == ["count", "n", "password"])
        #expect(record.metadata.map { "\($0.value)" } == ["3", "4", "[redacted]"])
        let line = try #require(JSONValue.lines(of: lines).first)
        #expect(line["trace_id"] == .string(span.traceID.hex))
        #expect(line["trace_flags"] == "02")
        #expect(line["message"] == "to ***@example.com")
    }

    @Test("without a writer there are records and no lines")
    func noWriter() {
        let processor = Processor()
        logger(processor).info("m")
        #expect(processor.records.map(\.message) == ["m"])
    }

    @Test("what describes itself is described when it is logged, not when it is sent")
    func snapshot() {
        final class Counter: CustomStringConvertible, Sendable {
            let value = Mutex(0)
            var description: String { "\(value.withLock { $0 })" }
        }
        let processor = Processor()
        let counter = Counter()
        logger(processor).info("m", metadata: ["counter": .stringConvertible(counter)])
        counter.value.withLock { $0 = 1 }
        #expect(processor.records[0].metadata[0].value == "0")
    }

    @Test("allowed members of the baggage become metadata, which own metadata replaces")
    func baggage() async throws {
        let processor = Processor()
        let log = logger(processor, baggage: BaggageAllowList(["tenant", "api-key"]))
        var baggage = Baggage()
        baggage.set("tenant", to: "acme")
        baggage.set("other", to: "x")
        baggage.set("api-key", to: "hunter2")
        await ActiveContext(baggage: baggage).run {
            log.info("m")
            log.info("n", metadata: ["baggage.tenant": "mine"])
        }
        log.info("outside")
        let metadata = processor.records.map { $0.metadata.map { "\($0.key)=\($0.value)" } }
        #expect(
            metadata == [
                ["baggage.api-key=[redacted]", "baggage.tenant=acme"],
                ["baggage.api-key=[redacted]", "baggage.tenant=mine"], [],
            ]
        )
    }

    @Test("the console shows spans as JSON lines and passes them on")
    func console() throws {
        struct Failing: SpanExporter {
            func export(_ batch: [FinishedSpan], resource: Resource, deadline: ContinuousClock.Instant)
                -> SpanExportResult
            {
                SpanExportResult(exported: 0, failed: batch.count, errorType: "503")
            }
            func shutdown(deadline: ContinuousClock.Instant) {}
        }
        let span = FinishedSpan(
            context: SpanContext(traceID: TraceID(high: 1, low: 2), spanID: SpanID(3), flags: [.sampled, .random]),
            parentSpanID: SpanID(4),
            name: "GET \"x\"\n",
            kind: .server,
            startTime: 1_772_323_199_123_456_789,
            endTime: 1_772_323_199_123_456_999,
            attributes: ["a": "b", "n": 1, "d": .double(.nan), "list": .array([true, .bytes([1, 255])])],
            events: [OTelSpan.Event(name: "e", time: 1_772_323_199_123_456_790, attributes: ["k": 1.5])],
            links: [
                OTelSpan.Link(
                    context: SpanContext(traceID: TraceID(high: 0, low: 9), spanID: SpanID(8), flags: [])
                )
            ],
            status: .error("boom"),
            scope: InstrumentationScope(name: "grpc")
        )
        let lines = LogCapture()
        let resource = Resource(attributes: ["service.name": "orders"])
        let alone = ConsoleSpanExporter(writer: lines.writer)
        #expect(alone.export([span, span], resource: resource, deadline: .now) == SpanExportResult(exported: 2))
        #expect(lines.lines.count == 2)
        let line = try JSONValue.lines(of: lines)[0]
        #expect(line["timestamp"] == "2026-02-28T23:59:59.123456Z")
        #expect(line["duration_ns"] == 210)
        #expect(line["span"] == "GET \"x\"\n")
        #expect(line["kind"] == "server")
        #expect(line["service_name"] == "orders")
        #expect(line["trace_id"] == "00000000000000010000000000000002")
        #expect(line["span_id"] == "0000000000000003")
        #expect(line["parent_span_id"] == "0000000000000004")
        #expect(line["trace_flags"] == "03")
        #expect(line["status"] == "error")
        #expect(line["status_description"] == "boom")
        #expect(
            line["attributes"]
                == .object(["a": "b", "n": 1, "d": "nan", "list": .array([.bool(true), "01ff"])])
        )
        guard case .array(let events)? = line["events"], case .array(let links)? = line["links"] else {
            Issue.record("no events or links")
            return
        }
        #expect(events.count == 1 && links.count == 1)
        let both = ConsoleSpanExporter(writer: lines.writer, next: Failing())
        #expect(both.export([span], resource: resource, deadline: .now).failed == 1)
        #expect(lines.lines.count == 3)
    }
}
