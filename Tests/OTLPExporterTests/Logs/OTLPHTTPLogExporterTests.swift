import Foundation
import Logging
import Observability
import TestKit
import Testing

@testable import OTLPExporter

@Suite("OTLP/HTTP exporter of log records")
struct OTLPHTTPLogExporterTests {
    @Test("posts protobuf to the logs endpoint, over one connection")
    func request() async throws {
        let server = try ScriptedHTTPServer()
        let exporter = try makeLogExporter(server.url) {
            $0.headers = [.init(name: "Authorization", value: "Bearer x")]
        }
        for _ in 0..<2 { #expect(await exporter.export([goldenRecord()]) == LogExportResult(exported: 1)) }
        #expect(await exporter.export([]) == LogExportResult(exported: 0))
        #expect(server.requests.count == 2)
        #expect(server.connections == 1)
        let request = try #require(server.requests.first)
        #expect(request.method == "POST")
        #expect(request.target == "/v1/logs")
        #expect(request.headers["content-type"] == "application/x-protobuf")
        #expect(request.headers["user-agent"] == OTLPHTTPSpanExporter.userAgent)
        #expect(request.headers["authorization"] == "Bearer x")
        #expect(request.body == OTLPLogEncoder().encoded([goldenRecord()]))
    }

    @Test("repeats what may succeed later, and gives up what may not")
    func repetition() async throws {
        let server = try ScriptedHTTPServer(.status(503), .hangUp, .status(200), .status(400), .status(500))
        let exporter = try makeLogExporter(server.url)
        #expect(await exporter.export([goldenRecord()]) == LogExportResult(exported: 1))
        #expect(server.requests.count == 3)
        #expect(await exporter.export([goldenRecord()]) == LogExportResult(exported: 0, errorType: "400"))
        #expect(await exporter.export([goldenRecord()]) == LogExportResult(exported: 0, errorType: "500"))
        #expect(server.requests.count == 5)
    }

    @Test("records that the backend rejects are lost")
    func partialSuccess() async throws {
        // ExportLogsPartialSuccess: one record, "no".
        let body: [UInt8] = [0x0A, 0x06, 0x08, 0x01, 0x12, 0x02, 0x6E, 0x6F]
        let server = try ScriptedHTTPServer(
            .status(200, headers: ["Content-Type": "application/x-protobuf"], body: body)
        )
        let result = try await makeLogExporter(server.url).export([goldenRecord(), goldenRecord()])
        #expect(result == LogExportResult(exported: 1, errorType: "rejected"))
    }

    @Test("a batch that is too long is split")
    func splitting() async throws {
        let server = try ScriptedHTTPServer()
        let exporter = try makeLogExporter(server.url) { $0.requestLimit = 4096 }
        let records = (0..<16).map { makeRecord("\($0)" + String(repeating: "x", count: 1000)) }
        #expect(await exporter.export(records) == LogExportResult(exported: 16))
        #expect(server.requests.count == 8)
        #expect(server.requests.allSatisfy { $0.body.count <= 4096 })
        let huge = makeRecord(String(repeating: "x", count: 5000))
        #expect(await exporter.export([huge]) == LogExportResult(exported: 0, errorType: "too_large"))
    }

    @Test("the variables of logs win over the generic ones")
    func environment() {
        var problems: [String] = []
        func read(_ environment: [String: String]) -> OTLPExporterConfiguration {
            problems = []
            return OTLPExporterConfiguration(environment: environment, signal: .logs, problems: &problems)
        }
        #expect(read([:]).endpoint == "http://localhost:4318/v1/logs")
        #expect(
            read(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1/x"]).endpoint == "http://localhost:1/x/v1/logs"
        )
        let both = read([
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1",
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://localhost:2",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none", "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "b=2",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2",
            "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/protobuf",
        ])
        #expect(both.endpoint == "http://localhost:2")
        #expect(both.compression == .gzip)
        #expect(both.headers == [.init(name: "b", value: "2")])
        #expect(both.timeout == .milliseconds(1))
        #expect(problems == [])
        _ = read(["OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "grpc"])
        #expect(problems.count == 1)
    }

    @Test("what loses records does not make records, whatever the backend does")
    func recursion() async throws {
        let server = try ScriptedHTTPServer(.status(400), .status(400), .status(400))
        let lines = LogRecorder()
        // The exporter's own logger has no processor behind it; the process's has.
        let processor = BatchLogRecordProcessor(
            exporter: try makeLogExporter(server.url, logger: lines.logger),
            resource: testResource,
            configuration: {
                var configuration = BatchLogRecordProcessor.Configuration()
                // Only a flush exports, so that it is the one to know what became of the record.
                configuration.scheduledDelay = .seconds(60)
                return configuration
            }()
        )
        let logger = Logger(label: "orders") { label in
            StructuredLogHandler(
                label: label,
                configuration: StructuredLogHandler.Configuration(format: .json, writer: nil, processor: processor)
            )
        }
        for number in 0..<3 {
            logger.info("\(number)")
            // It was lost, and the flush says so.
            #expect(!(await processor.forceFlush(timeout: .seconds(20))))
        }
        #expect(await processor.shutdown(timeout: .seconds(20)))
        #expect(processor.statistics.received == 3)
        #expect(processor.statistics.failed == ["400": 3])
        #expect(server.requests.count == 3)
        #expect(lines.lines.count == 1)
        #expect(lines.lines[0].contains("log record"))
    }

    @Test("a shutdown ends in time while the backend does not answer")
    func shutdown() async throws {
        let server = try ScriptedHTTPServer(.silence)
        let processor = BatchLogRecordProcessor(exporter: try makeLogExporter(server.url), resource: testResource)
        processor.onEmit(goldenRecord())
        // Whether in time or just not: the exporter is ended at that moment.
        _ = await processor.shutdown(timeout: .milliseconds(300))
        #expect(await eventually { processor.statistics.failed == ["shutdown": 1] })
    }

    @Test("canaries are in no request")
    func canaries() async throws {
        let server = try ScriptedHTTPServer()
        let canary = Canary()
        let processor = BatchLogRecordProcessor(exporter: try makeLogExporter(server.url), resource: testResource)
        let logger = Logger(label: "orders") { label in
            StructuredLogHandler(
                label: label,
                configuration: StructuredLogHandler.Configuration(format: .json, writer: nil, processor: processor)
            )
        }
        logger.error(
            "\(canary.emailAddress) token=\(canary.secret)",
            metadata: ["cookie": "\(canary.secret)", "to": ["\(canary.emailAddress)"]]
        )
        #expect(await processor.shutdown(timeout: .seconds(20)))
        let body = try #require(server.requests.first?.body)
        #expect(canary.leaks(in: body) == [])
        #expect(String(decoding: body, as: UTF8.self).contains("***@example.com"))
    }
}
