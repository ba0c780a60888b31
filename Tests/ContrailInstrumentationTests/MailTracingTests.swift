import ContrailInstrumentation
import Logging
import Observability
import Resilience
import TestKit
import Testing
import Tracing

@testable import LocalStack

@Suite("Spans and metrics of mails")
struct MailTracingTests {
    private let spans = InMemorySpanProcessor()
    private let telemetry: Telemetry

    init() {
        telemetry = Telemetry(
            provider: TracerProvider(testing: spans),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    @Test("A mail that cannot be sent is a failed CLIENT span that knows the server and not the recipient")
    func unreachable() async throws {
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
            guard case .string(let type)? = mail.attributes["error.type"] else {
                Issue.record("the span has no error.type")
                return
            }
            let measured = String(decoding: PrometheusText.render(telemetry.metrics), as: UTF8.self)
            #expect(measured.contains("error_type=\"\(type)\""), "the metric has another type than \(type)")
            #expect(!"\(mail)".contains("canary"))
            try expectDeclared(mail, telemetry)
        }
        let text = String(decoding: PrometheusText.render(telemetry.metrics), as: UTF8.self).split(separator: "\n")
        let sample = text.first { $0.hasPrefix("smtp_client_operation_duration_seconds_count{") }
        #expect(sample?.hasSuffix(" 1") == true)
    }

    @Test("A mail server that says nothing has exceeded the deadline: in the error, the span and the metrics")
    func silent() async throws {
        let port = try FreePort.reserve()
        let silence = try #require(LoopbackSocket())
        try #require(silence.bind(port: port) && silence.listen())
        var resilience = TracedMailer.defaultResilience
        resilience.callTimeout = .milliseconds(300)
        let mailer = try TracedMailer(
            server: "smtp://127.0.0.1:\(port)",
            sender: "shop@example.com",
            user: "",
            password: "",
            resilience: resilience,
            telemetry: telemetry
        )
        let error = await #expect(throws: DeadlineExceeded.self) {
            try await mailer.send(subject: "s", text: "t", to: "canary@example.com", messageID: "1")
        }
        withExtendedLifetime(silence) {}
        #expect(error?.stage == .attempt)
        let mail = try #require(spans.spans(named: "send mail").first)
        #expect(mail.attributes["error.type"] == "deadline_exceeded")
        #expect(!"\(mail)".contains("canary"))
        try expectDeclared(mail, telemetry)
        let lines = String(decoding: PrometheusText.render(telemetry.metrics), as: UTF8.self).split(separator: "\n")
        for sample in [
            #"deadline_exceeded_total{stage="attempt"} 1"#,
            #"retry_attempts_total{name="smtp",attempt="1",outcome="timeout"} 1"#,
            #"circuit_breaker_calls_total{name="smtp",outcome="failure"} 1"#,
            #"smtp_client_operation_duration_seconds_count{server_address="127.0.0.1",error_type="deadline_exceeded"} 1"#,
        ] {
            #expect(lines.contains { $0 == sample }, "\(sample)")
        }
    }
}
