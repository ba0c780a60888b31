import TestKit
import Testing

@testable import Observability

@Suite("Content negotiation")
struct ContentNegotiationTests {
    private static let text = "text/plain; version=0.0.4; charset=utf-8"
    private static let open = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    @Test(
        "answers in the format that a scraper prefers",
        arguments: [
            (nil, text), ("", text), ("*/*", text), ("text/plain", text), ("text/*", text), ("application/*", text),
            // Prometheus 2.42, and 3 with and without native histograms.
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", open
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                    + "application/openmetrics-text;version=0.0.1;q=0.5,"
                    + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                open + "; escaping=allow-utf-8"
            ),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
                    + "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.2",
                open + "; escaping=underscores"
            ),
            ("application/openmetrics-text;escaping=dots", open + "; escaping=underscores"),
            ("application/openmetrics-text;escaping=values", open + "; escaping=values"),
            ("application/openmetrics-text;escaping=\"x\r\ny\"", open + "; escaping=underscores"),
            // A scraper that is told to ask for the older format first.
            ("text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4,*/*;q=0.2", text),
            ("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.2", text),
            ("text/plain;version=1.0.0;q=0.9,application/openmetrics-text;q=0.1", open),
            ("application/openmetrics-text;version=0.0.1", open), ("application/openmetrics-text;version=2.0.0", open),
            (" Application/OpenMetrics-Text ; Version = \"1.0.0\" ; Q=1.000 , text/plain;q=0.9", open),
            ("application/openmetrics-text, text/plain", text), ("application/openmetrics-text, */*", text),
            ("application/openmetrics-text, */*;q=0.9", open), ("application/openmetrics-text;q=0.1, */*;q=0.9", text),
            ("application/openmetrics-text;q=0, text/plain;q=0", text), ("application/openmetrics-text;q=0.000", text),
            ("application/openmetrics-text;version=1.0.0;q=0,application/openmetrics-text;version=0.0.1", text),
            ("text/plain;version=0.0.4;q=0,*/*;q=1,application/openmetrics-text;q=0.001", open),
            ("application/json", text), ("application/openmetrics-text;q=2", text),
            ("application/openmetrics-text;q=", text), ("application/openmetrics-text;q=-1", text),
            ("application/openmetrics-text;q=0.9999", open), ("application/openmetrics-text;q", text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", text),
            ("text/plain;x=\"a,application/openmetrics-text;q=1\"", text), (",;,;=,\"", text),
        ] as [(String?, String)]
    )
    func format(accept: String?, contentType: String) {
        #expect(ExpositionFormat.negotiate(accept: accept).contentType == contentType)
    }

    @Test(
        "compresses where that is accepted and not less than no coding",
        arguments: [
            (nil, false), ("", false), ("gzip", true), ("GZIP", true), ("x-gzip", true), ("deflate, gzip;q=1.0", true),
            ("gzip;q=0", false), ("gzip;q=0.000, *", false), ("*", true), ("*;q=0", false), ("identity", false),
            ("identity;q=0.5, gzip;q=0.4", false), ("identity;q=0.5, gzip", true), ("br, deflate", false),
            ("gzip;q=nonsense", false), ("deflate;q=0.5 , gzip ; q=0.3", true), ("identity;q=0, *;q=0.1", true),
        ] as [(String?, Bool)]
    )
    func coding(acceptEncoding: String?, isCompressed: Bool) {
        #expect(ContentCoding.negotiate(acceptEncoding: acceptEncoding) == (isCompressed ? .gzip : .identity))
    }

    @Test("gives a legal content type for any header", arguments: 0..<200)
    func anything(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let pieces = [
            "application/openmetrics-text", "text/plain", "*/*", ",", ";", "=", "\"", "\\", "q=0.5", "version=",
            "1.0.0",
            "0.0.4", "escaping=", "allow-utf-8", " ", "\t", "\r\n", "\u{0}", "\u{1F6E9}",
        ]
        let header = (0..<Int.random(in: 0...30, using: &random))
            .map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
        let contentType = ExpositionFormat.negotiate(accept: header).contentType
        #expect(contentType.hasPrefix(Self.open) || contentType == Self.text)
        #expect(contentType.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        _ = ContentCoding.negotiate(acceptEncoding: header)
    }

    @Test("reads a header of any length in no time")
    func longHeader() {
        let header = String(repeating: "a/b;q=0.1;", count: 100_000) + String(repeating: ",x/y", count: 100_000)
        #expect(ExpositionFormat.negotiate(accept: header) == .prometheusText)
    }
}
