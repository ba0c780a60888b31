import Foundation
import Logging
import Observability

@testable import OTLPExporter

/// The record of the golden vector.
func goldenRecord() -> LogRecord {
    LogRecord(
        time: 1_700_000_000_000_000_000,
        level: .warning,
        message: "stock is low",
        label: "orders",
        spanContext: SpanContext(
            traceID: TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736),
            spanID: SpanID(0x00f0_67aa_0ba9_02b7),
            flags: [.sampled, .random]
        ),
        metadata: [
            ("count", .stringConvertible(0)), ("empty", ""), ("list", [.stringConvertible(false)]),
            ("map", ["k": .stringConvertible(1.5)]),
        ],
        droppedAttributesCount: 2
    )
}

func makeRecord(
    _ message: String,
    label: String = "test",
    metadata: [(key: String, value: Logger.MetadataValue)] = []
) -> LogRecord {
    LogRecord(time: 1_700_000_000_000_000_000, level: .info, message: message, label: label, metadata: metadata)
}

extension OTLPLogEncoder {
    func encoded(_ records: [LogRecord], resource: Resource = testResource, limit: Int = .max) -> [UInt8]? {
        encode(records[...], resource: resource, limit: limit) { Array($0) }
    }
}

func makeLogExporter(
    _ url: String,
    logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ change: (inout OTLPExporterConfiguration) -> Void = { _ in }
) throws -> OTLPHTTPLogExporter {
    var configuration = makeConfiguration(url)
    configuration.endpoint = url + "/v1/logs"
    change(&configuration)
    return try OTLPHTTPLogExporter(configuration: configuration, logger: logger)
}

extension OTLPHTTPLogExporter {
    /// Exports on a thread of its own, as the batch processor does, so that the test's thread stays free.
    func export(_ records: [LogRecord], within limit: Duration = .seconds(20)) async -> LogExportResult {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    returning: self.export(records, resource: testResource, deadline: .now + limit)
                )
            }
        }
    }
}
