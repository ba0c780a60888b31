import Foundation
import Observability
import TestKit
import Testing

/// Threads are looked at through `/proc`, which Linux has.
@Suite("Batch span processor")
struct BatchSpanProcessorTests {
    private func processor(
        _ exporter: ScriptedExporter,
        queue: Int = 2048,
        batch: Int = 512,
        delay: Duration = .seconds(3600),
        timeout: Duration = .seconds(30)
    ) -> BatchSpanProcessor {
        var configuration = BatchSpanProcessor.Configuration()
        configuration.maximumQueueSize = queue
        configuration.maximumBatchSize = batch
        configuration.scheduledDelay = delay
        configuration.exportTimeout = timeout
        return BatchSpanProcessor(
            exporter: exporter,
            resource: Resource(attributes: ["service.name": "test"]),
            configuration: configuration
        )
    }

    private static func span(_ name: String) -> FinishedSpan {
        FinishedSpan(
            context: SpanContext(traceID: TraceID(high: 1, low: 1), spanID: SpanID(1), flags: .sampled),
            name: name,
            startTime: 1,
            endTime: 2,
            scope: InstrumentationScope(name: "tests")
        )
    }

    private func add(_ numbers: ClosedRange<Int>, to processor: BatchSpanProcessor) {
        for number in numbers { processor.onEnd(Self.span("\(number)")) }
    }

    private func names(_ numbers: ClosedRange<Int>) -> [String] { numbers.map { "\($0)" } }

    private func expectBalance(
        _ statistics: BatchSpanProcessor.Statistics,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let failed = statistics.failed.values.reduce(0, +)
        let dropped = statistics.droppedQueueFull + statistics.droppedAfterShutdown
        #expect(
            statistics.received
                == statistics.exported + failed + dropped + statistics.queued + statistics.inFlight,
            "\(statistics)",
            sourceLocation: sourceLocation
        )
    }

    @Test("a full batch is exported at once, what is less waits")
    func sizeTrigger() async {
        let exporter = ScriptedExporter()
        let processor = processor(exporter, batch: 10)
        add(1...9, to: processor)
        #expect(exporter.calls.isEmpty)
        #expect(processor.statistics.queued == 9)
        add(10...10, to: processor)
        #expect(await eventually { processor.statistics.exported == 10 })
        #expect(exporter.calls.map(\.names) == [names(1...10)])
        // A call for a batch that is already under way must not export the next one before it is full.
        exporter.hold()
        add(11...20, to: processor)
        #expect(await eventually { exporter.isBlocked })
        add(21...35, to: processor)
        exporter.release()
        #expect(await eventually { processor.statistics.exported == 30 })
        #expect(await processor.forceFlush(timeout: .seconds(10)))
        #expect(exporter.calls.map(\.names.count) == [10, 10, 10, 5])
        #expect(exporter.names == names(1...35))
    }

    @Test("what is less than a batch is exported after the delay")
    func delayTrigger() async throws {
        let exporter = ScriptedExporter()
        let start = ContinuousClock.now
        let processor = processor(exporter, delay: .milliseconds(200))
        add(1...3, to: processor)
        #expect(await eventually { processor.statistics.exported == 3 })
        #expect(try #require(exporter.calls.first).at - start >= .milliseconds(190))
        add(4...4, to: processor)
        #expect(await eventually { processor.statistics.exported == 4 })
        // Looking into an empty queue is no export.
        #expect(exporter.calls.map(\.names.count) == [3, 1])
    }

    @Test("without a delay every span is exported at once, and nobody is kept busy")
    func noDelay() async throws {
        let exporter = ScriptedExporter()
        let processor = processor(exporter, delay: .zero)
        for number in 1...5 {
            add(number...number, to: processor)
            #expect(await eventually { processor.statistics.exported == number })
        }
        #expect(exporter.names == names(1...5))
        let thread = try #require(exporter.threads.first)
        let before = try cpuTicks(of: thread)
        let start = ContinuousClock.now
        #expect(await eventually { ContinuousClock.now - start > .milliseconds(300) })
        // A thread that turned in circles would use all of the 30 ticks, or half of them on a busy machine.
        #expect(try cpuTicks(of: thread) - before < 5)
        #expect(await processor.shutdown(timeout: .seconds(10)))
    }

    @Test("exports get the resource and a deadline and never run at the same time, on one thread")
    func serialised() async throws {
        let exporter = ScriptedExporter()
        let processor = processor(exporter, queue: 100_000, batch: 16, delay: .milliseconds(1), timeout: .seconds(7))
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    for number in 1...2_000 {
                        processor.onEnd(Self.span("\(number)"))
                        if number % 100 == 0 { await Task.yield() }
                    }
                }
            }
            for _ in 0..<20 { group.addTask { _ = await processor.forceFlush(timeout: .seconds(30)) } }
        }
        #expect(await processor.forceFlush(timeout: .seconds(30)))
        #expect(exporter.mostRunning == 1)
        #expect(exporter.threads.count == 1)
        #expect(exporter.calls.allSatisfy { (1...16).contains($0.names.count) })
        #expect(exporter.names.count == 8_000)
        let call = try #require(exporter.calls.first)
        #expect(call.resource.serviceName == "test")
        #expect((Duration.seconds(2)...Duration.seconds(7)).contains(call.deadline - call.at))
    }

    @Test("a full queue drops new spans and counts them")
    func fullQueue() async {
        let exporter = ScriptedExporter()
        exporter.hold()
        let processor = processor(exporter, queue: 20, batch: 10)
        add(1...10, to: processor)
        #expect(await eventually { exporter.isBlocked })
        add(11...37, to: processor)
        let statistics = processor.statistics
        #expect(statistics.inFlight == 10)
        #expect(statistics.queued == 20)
        #expect(statistics.droppedQueueFull == 7)
        expectBalance(statistics)
        exporter.release()
        #expect(await processor.forceFlush(timeout: .seconds(10)))
        #expect(exporter.names == names(1...30))
        #expect(processor.statistics.exported == 30)
        #expect(processor.queueCapacity == 20)
    }

    @Test("a batch that could never be full is as large as the queue, sizes below one are one")
    func impossibleSizes() async {
        let exporter = ScriptedExporter()
        let small = processor(exporter, queue: 5, batch: 512)
        add(1...5, to: small)
        #expect(await eventually { small.statistics.exported == 5 })
        let none = processor(exporter, queue: 0, batch: -1)
        add(6...6, to: none)
        #expect(await eventually { none.statistics.exported == 1 })
    }

    @Test("a flush waits for what came before it, and not for what comes after")
    func flush() async {
        let exporter = ScriptedExporter()
        let processor = processor(exporter, batch: 10)
        #expect(await processor.forceFlush(timeout: .seconds(10)))
        #expect(exporter.calls.isEmpty)
        add(1...25, to: processor)
        #expect(await processor.forceFlush(timeout: .seconds(10)))
        #expect(exporter.names == names(1...25))
        exporter.hold()
        add(26...26, to: processor)
        async let flushed = processor.forceFlush(timeout: .seconds(10))
        #expect(await eventually { exporter.isBlocked })
        add(27...27, to: processor)
        exporter.release()
        #expect(await flushed)
        #expect(exporter.names.starts(with: names(1...26)))
    }

    @Test("a flush that cannot end in time says so in time")
    func flushTimeout() async {
        let exporter = ScriptedExporter()
        exporter.hold()
        let processor = processor(exporter)
        add(1...1, to: processor)
        let start = ContinuousClock.now
        #expect(await !processor.forceFlush(timeout: .milliseconds(100)))
        #expect((Duration.milliseconds(95)...Duration.seconds(20)).contains(ContinuousClock.now - start))
        #expect(exporter.isBlocked)
        exporter.release()
        #expect(await processor.forceFlush(timeout: .seconds(10)))
    }

    @Test("many flushes at a time all end")
    func manyFlushes() async {
        let exporter = ScriptedExporter()
        let processor = processor(exporter, batch: 3)
        let results = await withTaskGroup(of: Bool.self) { group in
            for number in 1...200 {
                group.addTask {
                    processor.onEnd(Self.span("\(number)"))
                    return await processor.forceFlush(timeout: .seconds(30))
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results == Array(repeating: true, count: 200))
        #expect(processor.statistics.exported == 200)
    }

    @Test("a shutdown exports what waits, then refuses and counts what comes")
    func shutdown() async {
        let exporter = ScriptedExporter()
        let processor = processor(exporter, batch: 10)
        add(1...25, to: processor)
        #expect(await processor.shutdown(timeout: .seconds(10)))
        #expect(exporter.names == names(1...25))
        add(26...28, to: processor)
        #expect(processor.statistics.droppedAfterShutdown == 3)
        #expect(processor.statistics.queued == 0)
        expectBalance(processor.statistics)
        #expect(await processor.shutdown(timeout: .seconds(10)))
        #expect(await processor.forceFlush(timeout: .seconds(10)))
        #expect(exporter.shutdowns.count == 1)
        #expect(exporter.names.count == 25)
    }

    @Test("a shutdown ends in time while the exporter hangs")
    func shutdownWhileHanging() async throws {
        let exporter = ScriptedExporter()
        exporter.hold()
        let processor = processor(exporter, batch: 1)
        add(1...5, to: processor)
        #expect(await eventually { exporter.isBlocked })
        let start = ContinuousClock.now
        #expect(await !processor.shutdown(timeout: .milliseconds(200)))
        #expect((Duration.milliseconds(190)...Duration.seconds(20)).contains(ContinuousClock.now - start))
        #expect(exporter.isBlocked)
        let deadline = try #require(exporter.shutdowns.first)
        #expect((Duration.milliseconds(200)...Duration.seconds(10)).contains(deadline - start))
        expectBalance(processor.statistics)
        exporter.release()
        #expect(await eventually { processor.statistics.exported == 5 })
    }

    @Test("a flush and a shutdown say no when what they waited for was lost, and only then")
    func lossIsToldToThoseWhoWait() async {
        let exporter = ScriptedExporter { batch in
            let lost = batch.count { $0.name.hasSuffix("3") || $0.name.hasSuffix("7") }
            return SpanExportResult(exported: batch.count - lost, failed: lost, errorType: "timeout")
        }
        let processor = processor(exporter)
        add(1...3, to: processor)
        #expect(await !processor.forceFlush(timeout: .seconds(30)))
        // What was lost before is no loss of the next wait.
        add(4...6, to: processor)
        #expect(await processor.forceFlush(timeout: .seconds(30)))
        add(7...7, to: processor)
        #expect(await !processor.shutdown(timeout: .seconds(30)))
        #expect(processor.statistics.failed == ["timeout": 2])
    }

    @Test("a cancelled task still hands over its spans when it shuts down")
    func cancelledShutdown() async {
        let exporter = ScriptedExporter()
        exporter.hold()
        let processor = processor(exporter)
        add(1...3, to: processor)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return await processor.shutdown(timeout: .seconds(30))
        }
        task.cancel()
        #expect(await eventually { exporter.isBlocked })
        exporter.release()
        #expect(await task.value)
        #expect(exporter.names == names(1...3))
    }

    @Test("lost spans are counted by the exporter's reason, and every span once")
    func failures() async {
        let results: [SpanExportResult] = [
            SpanExportResult(exported: 0, failed: 4, errorType: "503"),
            SpanExportResult(exported: 3, failed: 1, errorType: "rejected"),
            SpanExportResult(exported: 0, failed: 4),
            // Sums that cannot be.
            SpanExportResult(exported: 1, failed: 0, errorType: "503"),
            SpanExportResult(exported: 99, failed: 99),
            SpanExportResult(exported: -1, failed: 0),
        ]
        let exporter = ScriptedExporter { batch in
            Int(batch.first?.name ?? "").map { results[($0 - 1) / 4] } ?? SpanExportResult(exported: 0)
        }
        let processor = processor(exporter, batch: 4)
        add(1...24, to: processor)
        #expect(await !processor.forceFlush(timeout: .seconds(10)))
        let statistics = processor.statistics
        #expect(statistics.exported == 0 + 3 + 0 + 1 + 4 + 0)
        #expect(statistics.failed == ["503": 4 + 3, "rejected": 1, "_OTHER": 4 + 4])
        expectBalance(statistics)
    }

    @Test("every span is accounted for at any time, under producers, flushes and a shutdown")
    func balance() async {
        let exporter = ScriptedExporter { batch in
            batch.count % 3 == 0
                ? SpanExportResult(exported: 0, failed: batch.count, errorType: "timeout")
                : SpanExportResult(exported: batch.count)
        }
        let processor = processor(exporter, queue: 64, batch: 16, delay: .milliseconds(1))
        let looks = await withTaskGroup(of: Int.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for number in 1...5_000 {
                        processor.onEnd(Self.span("\(task) \(number)"))
                        if number % 50 == 0 { await Task.yield() }
                    }
                    if task == 0 { _ = await processor.shutdown(timeout: .seconds(30)) }
                    return 0
                }
            }
            group.addTask {
                var looks = 0
                // Until after the shutdown: what comes then is received too.
                while processor.statistics.droppedAfterShutdown == 0 {
                    expectBalance(processor.statistics)
                    processor.onEnd(Self.span("looker"))
                    looks += 1
                    await Task.yield()
                }
                return looks
            }
            return await group.reduce(0, +)
        }
        #expect(await processor.shutdown(timeout: .seconds(10)))
        let statistics = processor.statistics
        expectBalance(statistics)
        #expect(statistics.queued == 0)
        #expect(statistics.inFlight == 0)
        #expect(statistics.exported > 0)
        #expect(statistics.droppedQueueFull > 0)
        #expect(statistics.droppedAfterShutdown > 0)
        #expect(looks > 10)
        #expect(exporter.mostRunning == 1)
    }

    @Test("a processor that is let go of exports what waits and ends its thread")
    func letGo() async throws {
        let exporter = ScriptedExporter()
        do {
            let processor = processor(exporter)
            add(1...2, to: processor)
        }
        #expect(await eventually { exporter.returned == 1 })
        #expect(exporter.names == names(1...2))
        let thread = try #require(exporter.threads.first)
        #expect(await eventually { !FileManager.default.fileExists(atPath: thread) })
    }

    @Test("a processor that was never used ends its thread, which holds the exporter")
    func neverUsed() async {
        var exporter: ScriptedExporter? = ScriptedExporter()
        weak let observed = exporter
        do {
            let unused = exporter.map { processor($0) }
            #expect(unused?.statistics.received == 0)
        }
        exporter = nil
        #expect(await eventually { observed == nil })
    }

    @Test("a shutdown with nothing to export ends the thread at once, whatever the delay is")
    func idleShutdown() async throws {
        let exporter = ScriptedExporter()
        let processor = processor(exporter)
        add(1...1, to: processor)
        #expect(await processor.forceFlush(timeout: .seconds(10)))
        let thread = try #require(exporter.threads.first)
        #expect(FileManager.default.fileExists(atPath: thread))
        #expect(await processor.shutdown(timeout: .seconds(10)))
        #expect(await eventually { !FileManager.default.fileExists(atPath: thread) })
        #expect(processor.statistics.exported == 1)
    }

    /// How long a thread has worked, in hundredths of a second.
    private func cpuTicks(of thread: String) throws -> Int {
        let stat = try String(contentsOfFile: thread + "/stat", encoding: .utf8)
        // After the name in parentheses: user and system time are the twelfth and thirteenth.
        let fields = try #require(stat.split(separator: ")").last).split(separator: " ")
        try #require(fields.count > 12)
        return try #require(Int(fields[11])) + #require(Int(fields[12]))
    }
}
