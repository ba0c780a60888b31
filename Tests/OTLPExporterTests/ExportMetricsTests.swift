import Observability
import Testing

@testable import OTLPExporter

@Suite("OTLP/HTTP exporter's metrics")
struct ExportMetricsTests {
    @Test("shows how long exports took, by their last status and why they failed")
    func duration() async throws {
        let server = try ScriptedHTTPServer(.status(503), .status(200), .status(400))
        let registry = MetricsRegistry()
        var configuration = makeConfiguration(server.url)
        configuration.timeout = .milliseconds(300)
        let exporter = try OTLPHTTPSpanExporter(
            configuration: configuration,
            metrics: registry,
            logger: LogRecorder().logger
        )
        #expect(await exporter.export([makeSpan(1)]).exported == 1)
        #expect(await exporter.export([makeSpan(2)]).errorType == "400")
        exporter.shutdown(deadline: .now)
        #expect(await exporter.export([makeSpan(3)]).errorType == "shutdown")

        let port = try #require(server.url.split(separator: ":").last)
        #expect(exporter.server == ExportServer(address: "127.0.0.1", port: String(port)))
        #expect(ConsoleSpanExporter(next: exporter).server == exporter.server)
        #expect(ConsoleSpanExporter().server == nil)
        let text = String(decoding: PrometheusText.render(registry), as: UTF8.self)
        let lines = text.split(separator: "\n").filter { $0.contains("_count{") }.map(String.init)
        func line(status: String, error: String) -> String {
            "otel_sdk_exporter_operation_duration_seconds_count{http_response_status_code=\"\(status)\","
                + "error_type=\"\(error)\",server_address=\"127.0.0.1\",server_port=\"\(port)\","
                + "otel_component_type=\"otlp_http_span_exporter\",otel_component_name=\"otlp_http_span_exporter/0\"} 1"
        }
        #expect(
            Set(lines) == [
                line(status: "200", error: ""), line(status: "400", error: "400"), line(status: "", error: "shutdown"),
            ]
        )
        // One bucket: the convention wants the count and the sum.
        #expect(text.split(separator: "\n").filter { $0.contains("_bucket{") }.allSatisfy { $0.contains("+Inf") })
    }
}
