import Logging
import TestKit
import Testing

@testable import Observability

@Suite("JSON log lines")
struct JSONLogLineTests {
    private let context = SpanContext(
        traceID: TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736),
        spanID: SpanID(0x00f0_67aa_0ba9_02b7),
        flags: .sampled
    )

    @Test("have the line's own keys first and metadata in the order of its keys")
    func golden() {
        let capture = LogCapture()
        var logger = capture.logger(.json)
        logger[metadataKey: "stream"] = "ORDERS"
        logger.info("outbox relay started", metadata: ["batch": "100", "active": .stringConvertible(true)])
        #expect(
            capture.lines == [
                #"{"timestamp":"2026-02-28T23:59:59.123456Z","severity_text":"info","severity_number":9,"#
                    + #""message":"outbox relay started","logger":"orders","service_name":"orders","#
                    + #""active":true,"batch":"100","stream":"ORDERS"}"#
            ]
        )
    }

    @Test("carry the active trace at top level, also an unsampled one")
    func traceCorrelation() async throws {
        let capture = LogCapture()
        let logger = capture.logger(.json)
        let unsampled = SpanContext(traceID: context.traceID, spanID: context.spanID, flags: [])
        await ActiveContext(spanContext: context).run { logger.info("in") }
        await ActiveContext(spanContext: unsampled).run { logger.info("unsampled") }
        logger.info("out")
        let lines = try JSONValue.lines(of: capture)
        #expect(lines[0]["trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(lines[0]["span_id"] == "00f067aa0ba902b7")
        #expect(lines[0]["trace_flags"] == "01")
        #expect(lines[1]["trace_id"] == lines[0]["trace_id"])
        #expect(lines[1]["trace_flags"] == "00")
        #expect(lines[2].keys.contains { $0.hasPrefix("trace") || $0.hasPrefix("span") } == false)
    }

    @Test("have the severity numbers of the logs data model")
    func severities() throws {
        let capture = LogCapture()
        let logger = capture.logger(.json)
        for level in Logger.Level.allCases { logger.log(level: level, "m") }
        let lines = try JSONValue.lines(of: capture)
        #expect(lines.map { $0["severity_number"] } == [1, 5, 9, 10, 13, 17, 18])
        #expect(lines.map { $0["severity_text"] } == Logger.Level.allCases.map { .string($0.rawValue) })
    }

    @Test("never collide: metadata with a key of the line gets a prefix")
    func collisions() throws {
        let capture = LogCapture()
        capture.logger(.json).info(
            "real",
            metadata: ["message": "fake", "attributes.message": "other", "trace_id": "fake", "timestamp": "0"]
        )
        let line = try JSONValue.lines(of: capture)[0]
        #expect(line["message"] == "real")
        #expect(line["attributes.attributes.message"] == "fake")
        #expect(line["attributes.message"] == "other")
        #expect(line["attributes.trace_id"] == "fake")
        #expect(line["trace_id"] == nil)
    }

    @Test("keep the structure and the types of metadata")
    func nested() throws {
        let capture = LogCapture()
        capture.logger(.json).info(
            "m",
            metadata: [
                "numbers": [.stringConvertible(1), .stringConvertible(-2.5), .stringConvertible(UInt8(3)), "4"],
                "object": ["b": ["c": "d"], "a": .stringConvertible(Double.nan)],
                "empty": [:],
                "duration": .stringConvertible(Duration.seconds(1)),
            ]
        )
        let line = try JSONValue.lines(of: capture)[0]
        #expect(line["numbers"] == .array([1, .number(-2.5), 3, "4"]))
        #expect(line["object"] == .object(["b": .object(["c": "d"]), "a": "nan"]))
        #expect(line["empty"] == .object([:]))
        #expect(line["duration"] == "1.0 seconds")
    }

    @Test("survive hostile text on one line")
    func hostileText() throws {
        let hostile = [
            "a\nb\r\nc", "\"quoted\\\"", "\u{0}\u{1}\u{1F}\u{7F}\u{85}", "\u{2028}\u{2029}", "\u{1B}[31mred\u{1B}[0m",
            "\",\"injected\":\"yes", "\u{1F6E9}\u{FE0F} \u{e9}",
            String(decoding: [0xD800, 0x41, 0xDC00], as: UTF16.self),
            String(decoding: [0xFF, 0xC0, 0x80] as [UInt8], as: UTF8.self), "\u{FFFF}\u{10FFFF}", "",
        ]
        let capture = LogCapture()
        for text in hostile {
            capture.logger(.json, label: text, serviceName: "s" + text)
                .info("\(text)", metadata: ["k": .string(text), "key " + text: "v", "n": [.string(text)]])
        }
        let lines = try JSONValue.lines(of: capture)
        #expect(lines.count == hostile.count)
        for (line, text) in zip(lines, hostile) {
            #expect(line["message"] == .string(text))
            #expect(line["logger"] == .string(text))
            #expect(line["service_name"] == .string("s" + text))
            #expect(line["n"] == .array([.string(text)]))
            #expect(line["key " + text] != nil)
            #expect(line["injected"] == nil)
        }
        let controls = capture.bytes.filter { $0 < 0x20 && $0 != UInt8(ascii: "\n") }
        #expect(controls.isEmpty)
        for line in capture.lines { #expect(line.split(whereSeparator: \.isNewline).count == 1) }
    }

    @Test("survive any text", arguments: 0..<20)
    func randomText(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let units = (0..<200).map { _ in UInt16.random(in: 0...0xFFFF, using: &random) }
        let bytes = (0..<200).map { _ in UInt8.random(in: 0...0xFF, using: &random) }
        let texts = [String(decoding: units, as: UTF16.self), String(decoding: bytes, as: UTF8.self)]
        let capture = LogCapture()
        let logger = capture.logger(.json, redaction: LogRedaction(words: [], masksEmailAddresses: false))
        for text in texts { logger.info("m", metadata: ["k": .string(text)]) }
        // Compared by code units: equality of strings is up to normalisation.
        let decoded = try JSONValue.lines(of: capture).map { line -> [UInt8] in
            guard case .string(let text)? = line["k"] else { return [] }
            return Array(text.utf8)
        }
        #expect(decoded == texts.map { Array($0.utf8) })
    }

    @Test("name the error of the statement")
    func error() throws {
        struct Broken: Error, CustomStringConvertible { let description = "out of \"paper\"" }
        let capture = LogCapture()
        capture.logger(.json).error("printing failed", error: Broken())
        let line = try JSONValue.lines(of: capture)[0]
        #expect(line["exception.message"] == "out of \"paper\"")
        #expect(line["event.name"] == "exception")
        guard case .string(let type)? = line["exception.type"] else {
            Issue.record("no type")
            return
        }
        #expect(type.contains("Broken"))
    }

    @Test("merge metadata of the logger, the provider and the statement, the later winning")
    func precedence() throws {
        let capture = LogCapture()
        var logger = capture.logger(.json)
        logger.handler.metadataProvider = Logger.MetadataProvider { ["a": "provider", "b": "provider"] }
        logger[metadataKey: "a"] = "logger"
        logger[metadataKey: "c"] = "logger"
        logger.info("m", metadata: ["b": "statement"])
        let line = try JSONValue.lines(of: capture)[0]
        #expect([line["a"], line["b"], line["c"]] == ["provider", "statement", "logger"])
    }

    @Test(
        "have RFC 3339 timestamps on every day",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"), (951_782_400_000_000_001, "2000-02-29T00:00:00.000000Z"),
            (1_709_164_799_999_999_999, "2024-02-28T23:59:59.999999Z"),
            (1_709_251_200_000_001_000, "2024-03-01T00:00:00.000001Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000Z"),
            (1_798_761_599_000_000_000, "2026-12-31T23:59:59.000000Z"),
        ] as [(UInt64, String)]
    )
    func timestamps(time: UInt64, text: String) {
        var line: [UInt8] = []
        LogTimestamp(time).appendDateAndTime(to: &line)
        #expect(String(decoding: line, as: UTF8.self) == text)
    }
}
