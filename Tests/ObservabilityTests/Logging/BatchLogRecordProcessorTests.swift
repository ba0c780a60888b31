import Foundation
import Logging
import Synchronization
import TestKit
import Testing

@testable import Observability

@Suite("Batching of log records")
struct BatchLogRecordProcessorTests {
    /// Keeps what it gets; held, it blocks its thread as a backend that does not answer would.
    private final class Exporter: LogRecordExporter {
        private struct State {
            var batches: [[String]] = []
            var deadlines: [ContinuousClock.Instant] = []
            var shutdowns = 0
            var running = 0
            var mostRunning = 0
            var isHeld = false
        }

        private let state = Mutex(State())
        private let gate = NSCondition()
        private let result: @Sendable (Int) -> LogExportResult

        init(_ result: @escaping @Sendable (Int) -> LogExportResult = { LogExportResult(exported: $0) }) {
            self.result = result
        }

        var batches: [[String]] { state.withLock { $0.batches } }
        var messages: [String] { batches.flatMap { $0 } }
        var shutdowns: Int { state.withLock { $0.shutdowns } }
        var mostRunning: Int { state.withLock { $0.mostRunning } }
        var isBlocked: Bool { state.withLock { $0.isHeld && $0.running > 0 } }

        func hold() { state.withLock { $0.isHeld = true } }

        func release() {
            state.withLock { $0.isHeld = false }
            gate.withLock { gate.broadcast() }
        }

        func export(_ batch: [LogRecord], resource: Resource, deadline: ContinuousClock.Instant) -> LogExportResult {
            state.withLock { state in
                state.batches.append(batch.map(\.message))
                state.deadlines.append(deadline)
                state.running += 1
                state.mostRunning = max(state.mostRunning, state.running)
            }
            gate.withLock { while state.withLock({ $0.isHeld }) { gate.wait() } }
            state.withLock { $0.running -= 1 }
            return result(batch.count)
        }

        func shutdown(deadline: ContinuousClock.Instant) { state.withLock { $0.shutdowns += 1 } }
    }

    private func processor(
        _ exporter: Exporter,
        limits: LogRecordLimits = LogRecordLimits(),
        _ change: (inout BatchLogRecordProcessor.Configuration) -> Void = { _ in }
    ) -> BatchLogRecordProcessor {
        var configuration = BatchLogRecordProcessor.Configuration()
        configuration.scheduledDelay = .seconds(3600)
        change(&configuration)
        return BatchLogRecordProcessor(
            exporter: exporter,
            resource: Resource(attributes: [:]),
            configuration: configuration,
            limits: limits
        )
    }

    private func record(_ message: String, metadata: [(key: String, value: Logger.MetadataValue)] = []) -> LogRecord {
        LogRecord(time: 1, level: .info, message: message, label: "test", metadata: metadata)
    }

    @Test("the defaults are the specification's")
    func defaults() {
        let configuration = BatchLogRecordProcessor.Configuration()
        #expect(configuration.maximumQueueSize == 2048)
        #expect(configuration.maximumBatchSize == 512)
        #expect(configuration.scheduledDelay == .seconds(1))
        #expect(configuration.exportTimeout == .seconds(30))
    }

    @Test("a full batch is sent at once, and nothing before")
    func fullBatch() async {
        let exporter = Exporter()
        let processor = processor(exporter) { $0.maximumBatchSize = 3 }
        for number in 1...2 { processor.onEmit(record("\(number)")) }
        #expect(exporter.batches.isEmpty)
        processor.onEmit(record("3"))
        #expect(await eventually { exporter.batches == [["1", "2", "3"]] })
        #expect(await eventually { processor.statistics.exported == 3 })
    }

    @Test("what waits is sent when the delay is over, and at once without one", arguments: [0, 30])
    func delay(milliseconds: Int) async {
        let exporter = Exporter()
        let processor = processor(exporter) { $0.scheduledDelay = .milliseconds(milliseconds) }
        for number in 1...5 {
            processor.onEmit(record("\(number)"))
            #expect(await eventually { exporter.messages.count == number })
        }
        #expect(exporter.messages == ["1", "2", "3", "4", "5"])
    }

    @Test("a full queue drops and counts; logging does not wait for the backend")
    func fullQueue() async {
        let exporter = Exporter()
        let processor = processor(exporter) {
            $0.maximumQueueSize = 4
            $0.maximumBatchSize = 2
        }
        exporter.hold()
        for number in 1...2 { processor.onEmit(record("\(number)")) }
        #expect(await eventually { exporter.isBlocked })
        for number in 3...1000 { processor.onEmit(record("\(number)")) }
        let full = processor.statistics
        #expect(full.received == 1000)
        #expect(full.inFlight == 2)
        #expect(full.queued == 4)
        #expect(full.droppedQueueFull == 994)
        exporter.release()
        #expect(await processor.forceFlush(timeout: .seconds(30)))
        #expect(exporter.messages == ["1", "2", "3", "4", "5", "6"])
        #expect(exporter.mostRunning == 1)
        #expect(processor.statistics.exported == 6)
    }

    @Test("a flush sends what has arrived, and gives up when its time is over")
    func flush() async {
        let exporter = Exporter()
        let processor = processor(exporter)
        #expect(await processor.forceFlush(timeout: .seconds(30)))
        #expect(exporter.batches.isEmpty)
        processor.onEmit(record("1"))
        #expect(await processor.forceFlush(timeout: .seconds(30)))
        #expect(exporter.messages == ["1"])
        exporter.hold()
        processor.onEmit(record("2"))
        #expect(await processor.forceFlush(timeout: .milliseconds(20)) == false)
        exporter.release()
        #expect(await processor.forceFlush(timeout: .seconds(30)))
        #expect(exporter.messages == ["1", "2"])
    }

    @Test("a shutdown sends the rest, then refuses and counts; a second one changes nothing")
    func shutdown() async {
        let exporter = Exporter()
        let processor = processor(exporter) { $0.maximumBatchSize = 2 }
        for number in 1...5 { processor.onEmit(record("\(number)")) }
        #expect(await processor.shutdown(timeout: .seconds(30)))
        #expect(exporter.messages == ["1", "2", "3", "4", "5"])
        processor.onEmit(record("6"))
        #expect(await processor.shutdown(timeout: .seconds(30)))
        #expect(exporter.shutdowns == 1)
        #expect(processor.statistics.droppedAfterShutdown == 1)
        #expect(exporter.messages.count == 5)
    }

    @Test("a shutdown ends in time while the backend does not answer")
    func blockedShutdown() async {
        let exporter = Exporter()
        let processor = processor(exporter)
        exporter.hold()
        processor.onEmit(record("1"))
        #expect(await processor.shutdown(timeout: .milliseconds(50)) == false)
        exporter.release()
        #expect(await eventually { processor.statistics.exported == 1 })
    }

    @Test("failures are counted by their reason, whatever the exporter's sum is")
    func failures() async {
        let exporter = Exporter { LogExportResult(exported: $0 == 3 ? 1 : 99, errorType: $0 == 3 ? "503" : nil) }
        let processor = processor(exporter)
        for number in 1...3 { processor.onEmit(record("\(number)")) }
        #expect(await !processor.forceFlush(timeout: .seconds(30)))
        processor.onEmit(record("4"))
        #expect(await processor.forceFlush(timeout: .seconds(30)))
        #expect(processor.statistics.exported == 2)
        #expect(processor.statistics.failed == ["503": 2])
    }

    @Test("many threads lose nothing without counting it")
    func concurrency() async {
        let exporter = Exporter()
        let processor = processor(exporter) {
            $0.maximumQueueSize = 64
            $0.maximumBatchSize = 16
        }
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<2_000 { processor.onEmit(record("\(task).\(number)")) }
                }
            }
        }
        #expect(await processor.shutdown(timeout: .seconds(30)))
        let statistics = processor.statistics
        #expect(statistics.received == 16_000)
        #expect(statistics.exported == exporter.messages.count)
        #expect(statistics.exported + statistics.droppedQueueFull == 16_000)
        #expect(exporter.batches.allSatisfy { $0.count <= 16 })
        #expect(exporter.mostRunning == 1)
    }

    @Test("a forgotten processor ends its thread")
    func forgotten() async {
        let exporter = Exporter()
        weak var weakExporter: Exporter?
        do {
            let temporary = Exporter()
            weakExporter = temporary
            _ = processor(temporary)
        }
        #expect(await eventually { weakExporter == nil })
        _ = exporter
    }

    @Test("records keep to their limits, and what is left out is counted")
    func limits() {
        var limits = LogRecordLimits()
        limits.attributeCount = 2
        limits.attributeValueLength = 3
        let limited = limits.applied(
            to: record(
                "message",
                metadata: [("a", "éééé"), ("b", ["12345", ["x": "6789"]]), ("c", "3"), ("d", "4")]
            )
        )
        #expect(limited.message == "message")
        #expect(limited.metadata.map(\.key) == ["a", "b"])
        #expect(limited.metadata[0].value == "ééé")
        #expect(limited.metadata[1].value == ["123", ["x": "678"]])
        #expect(limited.droppedAttributesCount == 2)
        // What looks like one letter may have any number of code points.
        let marks = "a" + String(repeating: "\u{301}", count: 10_000)
        let unmarked = limits.applied(to: record("m", metadata: [("a", .string(marks))])).metadata[0].value
        #expect(unmarked == "a\u{301}\u{301}")
        limits.attributeValueLength = nil
        #expect(limits.applied(to: record("m", metadata: [("a", "éééé")])).metadata[0].value == "éééé")
        var deep = Logger.MetadataValue.string("x")
        for _ in 0..<100 { deep = .array([deep]) }
        var depth = 0
        var value = limits.applied(to: record("m", metadata: [("a", deep)])).metadata[0].value
        while case .array(let values) = value, let first = values.first {
            depth += 1
            value = first
        }
        #expect(depth == 64)
    }
}
