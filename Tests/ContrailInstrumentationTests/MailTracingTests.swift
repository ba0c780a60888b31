import ContrailInstrumentation
import LocalStack
import Logging
import Observability
import TestKit
import Testing
import Tracing

@Suite("Spans and metrics of mails")
struct MailTracingTests {
    @Test("A mail that cannot be sent is a failed CLIENT span that knows the server and not the recipient")
    func unreachable() async throws {
        let spans = InMemorySpanProcessor()
        let telemetry = Telemetry(
            provider: TracerProvider(testing: spans),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let port = try FreePort.reserve()
        let mailer = try TracedMailer(
            server: "smtp://127.0.0.1:\(port)",
            sender: "shop@example.com",
            user: "",
            password: "",
            telemetry: telemetry
        )
        try await telemetry.tracer("test").withSpan("origin") { origin in
            await #expect(throws: (any Error).self) {
                try await mailer.send(subject: "canary", text: "canary", to: "canary@example.com", messageID: "1")
            }
            let mail = try #require(spans.spans(named: "send mail").first)
            #expect(mail.kind == .client && mail.parentSpanID == origin.spanContext.spanID)
            #expect(mail.attributes["server.port"] == .int(port))
            #expect(mail.attributes["error.type"] != nil)
            #expect(!"\(mail)".contains("canary"))
            try expectDeclared(mail, telemetry)
        }
        let text = String(decoding: PrometheusText.render(telemetry.metrics), as: UTF8.self).split(separator: "\n")
        let sample = text.first { $0.hasPrefix("smtp_client_operation_duration_seconds_count{") }
        #expect(sample?.hasSuffix(" 1") == true)
    }
}
