import Foundation
import Logging
import Synchronization
import TestKit
import Testing

@testable import Observability

@Suite("How the exporters' threads wait")
struct ExporterThreadTests {
    #if os(Linux) && (arch(x86_64) || arch(arm64))
    @Test("the exporters' threads wait for no date: the clock may be set back by hours")
    func clock() async throws {
        let (spansThread, logsThread) = (SeenThread(), SeenThread())
        let exporter = ScriptedExporter { spans in
            spansThread.see()
            return SpanExportResult(exported: spans.count)
        }
        let spans = BatchSpanProcessor(exporter: exporter, resource: Resource(attributes: [:]))
        let logs = BatchLogRecordProcessor(exporter: NoRecords(thread: logsThread), resource: Resource(attributes: [:]))
        let provider = TracerProvider(resource: Resource(attributes: [:]), processor: spans)
        provider.tracer("t").startSpan("s").end()
        logs.onEmit(LogRecord(time: 1, level: .info, message: "m", label: "l"))
        #expect(await spans.forceFlush(timeout: .seconds(30)))
        #expect(await logs.forceFlush(timeout: .seconds(30)))
        for thread in [spansThread, logsThread] {
            try #require(await eventually { thread.waitsForDate != nil })
            #expect(thread.waitsForDate == false)
        }
        withExtendedLifetime((spans, logs)) {}
    }
    #endif
}

/// A thread of this process, and how it waits.
private final class SeenThread: Sendable {
    private let place = Mutex<String?>(nil)

    /// Notes the thread that calls.
    func see() {
        let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
        place.withLock { $0 = path }
    }

    /// Whether the thread waits for a date of the wall clock; `nil` while it does not wait for a time.
    var waitsForDate: Bool? {
        // The number of the call, and its arguments; 202 and 98 are futex.
        guard let place = place.withLock({ $0 }),
            let text = try? String(contentsOfFile: "/proc/\(place)/syscall", encoding: .utf8),
            case let fields = text.split(separator: " "), fields.count > 4, ["202", "98"].contains(fields[0]),
            fields[4] != "0x0", let operation = Int(fields[2].dropFirst(2), radix: 16)
        else { return nil }
        // FUTEX_CLOCK_REALTIME
        return operation & 256 != 0
    }
}

/// Takes records to nowhere.
private struct NoRecords: LogRecordExporter {
    let thread: SeenThread

    func export(
        _ batch: [LogRecord],
        resource: Resource,
        deadline: ContinuousClock.Instant
    ) -> LogExportResult {
        thread.see()
        return LogExportResult(exported: batch.count)
    }

    func shutdown(deadline: ContinuousClock.Instant) {}
}
