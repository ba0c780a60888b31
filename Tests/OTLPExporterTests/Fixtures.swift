import Foundation
import Logging
import Observability
import Synchronization
import Tracing

@testable import OTLPExporter

/// The span of the golden vector.
func goldenSpan() -> FinishedSpan {
    FinishedSpan(
        context: SpanContext(
            traceID: TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736),
            spanID: SpanID(0x00f0_67aa_0ba9_02b7),
            flags: [.sampled, .random]
        ),
        parentSpanID: SpanID(0x1234_5678_9012_3456),
        parentIsRemote: true,
        name: "o.S/Get",
        kind: .server,
        startTime: 1_700_000_000_000_000_000,
        endTime: 1_700_000_000_005_000_000,
        attributes: ["rpc.system.name": "grpc", "server.port": 50051, "b": false, "e": ""],
        events: [OTelSpan.Event(name: "retry", time: 1_700_000_000_001_000_000)],
        status: .error("boom"),
        scope: InstrumentationScope(name: "grpc", version: "1")
    )
}

func makeSpan(_ number: UInt64, name: String = "work", scope: String = "test", attributes: Attributes = [:])
    -> FinishedSpan
{
    FinishedSpan(
        context: SpanContext(
            traceID: TraceID(high: 1, low: number),
            spanID: SpanID(number),
            flags: [.sampled, .random]
        ),
        name: name,
        startTime: 1_700_000_000_000_000_000 + number,
        endTime: 1_700_000_000_001_000_000 + number,
        attributes: attributes,
        scope: InstrumentationScope(name: scope)
    )
}

let testResource = Resource(attributes: ["service.name": "orders"])

extension OTLPEncoder {
    func encoded(_ spans: [FinishedSpan], resource: Resource = testResource, limit: Int = .max) -> [UInt8]? {
        encode(spans[...], resource: resource, limit: limit) { Array($0) }
    }
}

extension ProtobufCEncoder {
    func encoded(_ spans: [FinishedSpan], resource: Resource = testResource) -> [UInt8]? {
        encode(spans[...], resource: resource, limit: .max) { Array($0) }
    }
}

/// A configuration that repeats without long waits, and has no time-out of its own: a test may have to wait for its turn.
func makeConfiguration(_ url: String) -> OTLPExporterConfiguration {
    var configuration = OTLPExporterConfiguration()
    configuration.endpoint = url + "/v1/traces"
    configuration.timeout = .zero
    configuration.initialBackoff = .milliseconds(10)
    configuration.maximumBackoff = .milliseconds(50)
    return configuration
}

func makeExporter(
    _ url: String,
    logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ change: (inout OTLPExporterConfiguration) -> Void = { _ in }
) throws -> OTLPHTTPSpanExporter {
    var configuration = makeConfiguration(url)
    change(&configuration)
    return try OTLPHTTPSpanExporter(configuration: configuration, logger: logger)
}

extension OTLPHTTPSpanExporter {
    /// Exports on a thread of its own, as the batch processor does, so that the test's thread stays free.
    func export(_ spans: [FinishedSpan], within limit: Duration = .seconds(60)) async -> SpanExportResult {
        await timedExport(spans, within: limit).result
    }

    /// Exports as above and measures on that thread: the test's own may have to wait for its turn.
    func timedExport(
        _ spans: [FinishedSpan],
        within limit: Duration = .seconds(60)
    ) async -> (result: SpanExportResult, start: ContinuousClock.Instant, end: ContinuousClock.Instant) {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let start = ContinuousClock.now
                let result = self.export(spans, resource: testResource, deadline: start + limit)
                continuation.resume(returning: (result, start, .now))
            }
        }
    }
}

/// Works on a thread of its own: what takes seconds must not hold up the tests that measure time.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// Waits on a thread of its own for something that may fail, such as a program.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await onThread { Result { try body() } }.get()
}

/// Keeps log lines with their metadata.
final class LogRecorder: Sendable {
    private let recorded = Mutex<[String]>([])

    var lines: [String] { recorded.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(recorder: self) }
    }

    private struct Handler: LogHandler {
        let recorder: LogRecorder
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            recorder.recorded.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
        }
    }
}
