import Logging
import Testing

@testable import Observability

@Suite("Text log lines")
struct TextLogLineTests {
    @Test("are aligned and end with the trace")
    func golden() async {
        let capture = LogCapture()
        let logger = capture.logger(.text)
        let context = SpanContext(
            traceID: TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736),
            spanID: SpanID(7),
            flags: []
        )
        logger.info("outbox relay started", metadata: ["stream": "ORDERS", "batch": .stringConvertible(100)])
        await ActiveContext(spanContext: context).run {
            logger.warning("late", metadata: ["cause": "users is slow", "stages": ["a", ["b": "c d"]]])
        }
        capture.logger(.text, label: "contrail.a-long-logger").critical("stop", metadata: ["quote": "\"", "none": ""])
        #expect(
            capture.lines == [
                "23:59:59.123 info    orders          outbox relay started  batch=100  stream=ORDERS",
                "23:59:59.123 warn    orders          late  cause=\"users is slow\"  stages=[a, {b=\"c d\"}]"
                    + "  trace=4bf92f3577b34da6a3ce929d0e0e4736",
                "23:59:59.123 crit    contrail.a-long-logger  stop  none=\"\"  quote=\"\\\"\"",
            ]
        )
    }

    @Test("cannot be broken up or steer a terminal")
    func hostileText() {
        let capture = LogCapture()
        capture.logger(.text).info("a\nb\r\u{1B}[2J\u{9B}\u{2028}", metadata: ["k\n": "\u{7}v\n"])
        #expect(
            capture.lines == [
                #"23:59:59.123 info    orders          a\nb\r\u{1b}[2J\u{9b}\u{2028}  k\n=\u{7}v\n"#
            ]
        )
    }

    @Test("are coloured only when asked")
    func colors() {
        let plain = LogCapture()
        plain.logger(.text).error("m")
        #expect(!plain.bytes.contains(0x1B))
        let colored = LogCapture()
        colored.logger(.coloredText).error("m", metadata: ["k": "v"])
        #expect(
            colored.lines == [
                "\u{1B}[2m23:59:59.123\u{1B}[0m \u{1B}[31merror\u{1B}[0m   orders          m  \u{1B}[2mk=\u{1B}[0mv"
            ]
        )
    }

    @Test("are for terminals: the automatic format is JSON elsewhere")
    func automatic() {
        let capture = LogCapture()
        capture.logger(.automatic).info("m")
        #expect(capture.lines[0].hasPrefix("{"))
    }

    @Test("are chosen by configuration")
    func configuration() {
        #expect(LogFormat("JSON") == .json)
        #expect(LogFormat("text") == .text)
        #expect(LogFormat("color") == .coloredText)
        #expect(LogFormat("auto") == .automatic)
        #expect(LogFormat("xml") == nil)
        #expect(Logger.Level(name: "DEBUG") == .debug)
        #expect(Logger.Level(name: "warn") == .warning)
        #expect(Logger.Level(name: "Warning") == .warning)
        #expect(Logger.Level(name: "fatal") == .critical)
        #expect(Logger.Level(name: "loud") == nil)
    }
}
