import Foundation
import Logging
import Observability
import TestKit
import Testing

@testable import OTLPExporter

@Suite("OTLP encoding of log records")
struct OTLPLogEncoderTests {
    /// Made with OpenTelemetry's Python classes.
    private static let golden = """
        0aea010a1a0a180a0c736572766963652e6e616d6512080a066f726465727312cb010a080a066f726465727312
        95010900002a36fe9c9717100d1a077761726e696e672a0e0a0c73746f636b206973206c6f77320b0a05636f75
        6e7412021800320b0a05656d70747912020a00320e0a046c69737412062a040a02100032190a036d6170121232
        100a0e0a016b120921000000000000f83f380245030000004a104bf92f3577b34da6a3ce929d0e0e4736520800
        f067aa0ba902b75900002a36fe9c97171a2768747470733a2f2f6f70656e74656c656d657472792e696f2f7363
        68656d61732f312e34342e30
        """.replacing("\n", with: "")

    @Test("a record is encoded as OpenTelemetry's own classes do it, byte for byte")
    func goldenVector() throws {
        let encoder = OTLPLogEncoder()
        // Twice, because the buffer is reused.
        for _ in 0..<2 {
            let bytes = try #require(encoder.encoded([goldenRecord()]))
            #expect(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == Self.golden)
        }
    }

    @Test("the name of an event is a field of the record and no attribute; any other metadata of that name is one")
    func eventName() throws {
        let encoder = OTLPLogEncoder()
        let field: [UInt8] = [0x62, 9] + Array("exception".utf8)
        var record = makeRecord("failed")
        record.metadata = [("event.name", .string("exception")), ("order", .string("7"))]
        #expect(record.eventName == "exception")
        let event = try #require(encoder.encoded([record]))
        #expect(event.firstRange(of: field) != nil)
        #expect(event.firstRange(of: Array("event.name".utf8)) == nil)
        #expect(event.firstRange(of: Array("order".utf8)) != nil)
        let values: [Logger.MetadataValue] = [.string(""), .array(["exception"]), .stringConvertible(7)]
        for value in values {
            record.metadata = [("event.name", value)]
            #expect(record.eventName == nil)
            #expect(try #require(encoder.encoded([record])).firstRange(of: Array("event.name".utf8)) != nil)
        }
    }

    @Test("a request beyond the limit is not made")
    func limit() throws {
        let encoder = OTLPLogEncoder()
        let bytes = try #require(encoder.encoded([goldenRecord()]))
        #expect(encoder.encoded([goldenRecord()], limit: bytes.count) == bytes)
        #expect(encoder.encoded([goldenRecord()], limit: bytes.count - 1) == nil)
        let long = makeRecord(String(repeating: "x", count: 100_000))
        #expect(encoder.encoded([long], limit: 50_000) == nil)
        #expect(try #require(encoder.encoded([long])).count > 100_000)
        #expect(encoder.encoded([goldenRecord()]) == bytes)
    }

    private static let python = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: ".tools/venv/bin/python").path

    @Test(
        "OpenTelemetry's Python classes read what was meant and write the same bytes",
        .enabled("dev/setup --tests installs opentelemetry-proto") {
            FileManager.default.isExecutableFile(atPath: python)
        }
    )
    func differential() async throws {
        var random = SeededGenerator(seed: 51)
        let encoder = OTLPLogEncoder()
        var requests: [[String: Any]] = []
        for _ in 0..<1_000 {
            // Other tests want to run meanwhile.
            await Task.yield()
            let records = (0..<Int.random(in: 1...12, using: &random)).map { _ in RandomRecord.make(using: &random) }
            let bytes = try #require(encoder.encoded(records, resource: RandomRecord.resource))
            requests.append([
                "body": Data(bytes).base64EncodedString(), "records": RandomRecord.expected(records),
            ])
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "otlp-logs-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "requests.json")
        try JSONSerialization.data(withJSONObject: requests).write(to: file)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.python)
        process.arguments = ["-c", Self.program, file.path]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        let text = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                do {
                    try process.run()
                    let data = output.fileHandleForReading.readDataToEndOfFile()
                    process.waitUntilExit()
                    continuation.resume(returning: String(decoding: data, as: UTF8.self))
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
        #expect(text == "1000 requests\n")
    }

    private static let program = """
        import base64, json, sys
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

        def plain(value):
            kind = value.WhichOneof("value")
            if kind == "array_value":
                return [plain(element) for element in value.array_value.values]
            if kind == "kvlist_value":
                return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
            return getattr(value, kind)

        def record(log, scope):
            return {
                "time": str(log.time_unix_nano), "observed": str(log.observed_time_unix_nano),
                "number": log.severity_number, "text": log.severity_text, "body": plain(log.body),
                "attributes": {pair.key: plain(pair.value) for pair in log.attributes},
                "dropped": log.dropped_attributes_count, "flags": log.flags,
                "trace": log.trace_id.hex(), "span": log.span_id.hex(), "scope": scope.scope.name,
            }

        count = 0
        for request in json.load(open(sys.argv[1])):
            body = base64.b64decode(request["body"])
            message = ExportLogsServiceRequest.FromString(body)
            message.DiscardUnknownFields()
            assert message.SerializeToString(deterministic=True) == body, "other bytes"
            [group] = message.resource_logs
            resource = {pair.key: plain(pair.value) for pair in group.resource.attributes}
            assert resource == {"service.name": "orders", "n": 5, "d": 0.5, "b": True, "l": ["x", 1]}, resource
            read = [record(log, scope) for scope in group.scope_logs for log in scope.log_records]
            assert read == request["records"], (read, request["records"])
            count += 1
        print(count, "requests")
        """
}

/// Records of random form, and what a reader must make of them.
private enum RandomRecord {
    static let resource = Resource(
        attributes: ["service.name": "orders", "n": 5, "d": 0.5, "b": true, "l": .array(["x", 1])]
    )

    static func make(using random: inout SeededGenerator) -> LogRecord {
        let keys = ["a", "b.c", "é", String(repeating: "k", count: 200)].shuffled(using: &random)
        var metadata: [(key: String, value: Logger.MetadataValue)] = []
        for key in keys.prefix(Int.random(in: 0...4, using: &random)) {
            metadata.append((key, value(depth: 0, using: &random)))
        }
        let context = SpanContext(
            traceID: TraceID(high: random.next(), low: random.next()),
            spanID: SpanID(random.next() | 1),
            flags: TraceFlags(rawValue: UInt8.random(in: 0...3, using: &random))
        )
        return LogRecord(
            time: random.next(),
            level: Logger.Level.allCases.randomElement(using: &random) ?? .info,
            message: text(using: &random),
            label: ["", "orders", "users"].randomElement(using: &random) ?? "",
            spanContext: Bool.random(using: &random) ? context : nil,
            metadata: metadata,
            droppedAttributesCount: [0, 1, 300].randomElement(using: &random) ?? 0
        )
    }

    private static func text(using random: inout SeededGenerator) -> String {
        let pieces = ["", "x", "🦆", "\u{0}", String(repeating: "long ", count: 60), "é\u{301}"]
        return (0..<Int.random(in: 0...3, using: &random)).map { _ in
            pieces.randomElement(using: &random) ?? ""
        }.joined()
    }

    private static func value(depth: Int, using random: inout SeededGenerator) -> Logger.MetadataValue {
        switch Int.random(in: 0...(depth < 3 ? 6 : 4), using: &random) {
        case 0: return .string(text(using: &random))
        case 1: return .stringConvertible(Bool.random(using: &random))
        case 2:
            return .stringConvertible(Int(truncatingIfNeeded: random.next()) >> Int.random(in: 11...60, using: &random))
        case 3: return .stringConvertible(Double(Int.random(in: -1000...1000, using: &random)) / 8)
        case 4: return .stringConvertible(UInt64.max)
        case 5:
            return .array(
                (0..<Int.random(in: 0...3, using: &random)).map { _ in value(depth: depth + 1, using: &random) }
            )
        default:
            var dictionary: Logger.Metadata = [:]
            for key in ["x", "y"].prefix(Int.random(in: 0...2, using: &random)) {
                dictionary[key] = value(depth: depth + 1, using: &random)
            }
            return .dictionary(dictionary)
        }
    }

    /// Grouped by scope, in the order in which the scopes appear.
    static func expected(_ records: [LogRecord]) -> [[String: Any]] {
        var scopes: [String] = []
        for record in records where !scopes.contains(record.label) { scopes.append(record.label) }
        return scopes.flatMap { scope in records.filter { $0.label == scope } }.map { record in
            let numbers: [Logger.Level: Int] = [
                .trace: 1, .debug: 5, .info: 9, .notice: 10, .warning: 13, .error: 17, .critical: 18,
            ]
            return [
                "time": "\(record.time)", "observed": "\(record.time)", "number": numbers[record.level] ?? 0,
                "text": record.level.rawValue, "body": record.message,
                "attributes": Dictionary(uniqueKeysWithValues: record.metadata.map { ($0.key, plain($0.value)) }),
                "dropped": record.droppedAttributesCount, "flags": Int(record.spanContext?.flags.rawValue ?? 0),
                "trace": record.spanContext?.traceID.hex ?? "", "span": record.spanContext?.spanID.hex ?? "",
                "scope": record.label,
            ]
        }
    }

    private static func plain(_ value: Logger.MetadataValue) -> Any {
        switch value {
        case .string(let text): text
        case .stringConvertible(let value as Bool): value
        case .stringConvertible(let value as Int): value
        case .stringConvertible(let value as Double): value
        case .stringConvertible(let value): value.description
        case .array(let values): values.map(plain)
        case .dictionary(let values): values.mapValues(plain)
        }
    }
}
