internal import HTTPTransport
internal import Observability
public import Resilience
internal import Tracing

/// Sends e-mail, traced, measured, and protected: a mail server that fails, hangs or is slow is left alone for a while.
///
/// The span knows the server and the outcome, never the recipient or the text.
public final class TracedMailer: Sendable {
    private let pipeline: ResiliencePipeline
    private let client: CurlClient
    private let server: SMTPServer
    private let sender: MailAddress
    private let domain: String
    private let tracer: OTelTracer
    private let duration: MetricFamily<HistogramMetric>

    /// Creates a mailer.
    ///
    /// - Parameters:
    ///   - server: `smtp://host:port`, or `smtps://host:port` for TLS from the first byte.
    ///   - sender: The address that mails come from.
    ///   - user: The server's user; empty for none.
    ///   - password: The user's password.
    ///   - resilience: How the server is protected. Its retries are not used: JetStream delivers the event again.
    ///   - telemetry: Where to record.
    /// - Throws: An error that says what is wrong with the server's URL, or with the protection.
    public init(
        server: String,
        sender: String,
        user: String,
        password: String,
        resilience: ResilienceConfiguration = TracedMailer.defaultResilience,
        telemetry: Telemetry
    ) throws {
        let parts = server.split(separator: "/", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0] == "smtp:" || parts[0] == "smtps:",
            let address = NetworkAddress(String(parts[1]))
        else { throw InvalidMailServer() }
        self.server = SMTPServer(
            host: address.host,
            port: address.port,
            security: parts[0] == "smtps:" ? .tls : user.isEmpty ? .opportunistic : .startTLS,
            credentials: user.isEmpty ? nil : .init(user: user, password: password),
            timeout: resilience.callTimeout ?? .seconds(10)
        )
        var resilience = resilience
        resilience.retry = .never
        resilience.retryBudget = nil
        // libcurl ends a transfer in time.
        resilience.enforcement = .call
        pipeline = try ResiliencePipeline(observed: "smtp", configuration: resilience, telemetry: telemetry)
        client = try CurlClient()
        self.sender = MailAddress(sender)
        domain = sender.split(separator: "@").last.map(String.init) ?? "localhost"
        tracer = telemetry.tracer(for: .mail)
        duration = telemetry.metrics.histogram(
            "smtp_client_operation_duration_seconds",
            help: "Duration of handing a mail to the mail server.",
            unit: .seconds,
            labels: ["server_address", "error_type"],
            buckets: .rpcSeconds
        )
    }

    /// How a mail server is protected unless somebody says otherwise.
    public static let defaultResilience = ResilienceConfiguration(
        // Well below the time after which PostgreSQL ends a transaction that does nothing.
        callTimeout: .seconds(10),
        attemptTimeout: nil,
        retry: .never,
        retryBudget: nil,
        circuitBreaker: CircuitBreaker.Configuration(probeLease: .seconds(15)),
        bulkhead: Bulkhead.Configuration(maximumConcurrent: 16, maximumQueued: 16)
    )

    /// Sends a mail and returns when the server has accepted it.
    ///
    /// - Parameters:
    ///   - subject: The subject line.
    ///   - text: The text.
    ///   - recipient: The address.
    ///   - messageID: Tells repetitions of one mail apart from different mails.
    /// - Throws: ``EventRejection`` when the server refuses for good, `CircuitOpen` or `BulkheadRejected` when it was not
    ///   asked, otherwise what went wrong; without addresses.
    public func send(subject: String, text: String, to recipient: String, messageID: String) async throws {
        let mail = MailMessage(
            from: sender,
            to: [MailAddress(recipient)],
            subject: subject,
            text: text,
            messageID: "\(messageID)@\(domain)"
        )
        let stopwatch = Stopwatch()
        try await tracer.withSpan(
            .mail,
            attributes: [
                SemanticConventions.serverAddress: .string(server.host),
                SemanticConventions.serverPort: .int(server.port),
            ]
        ) { span in
            do {
                try await pipeline.call {
                    ($0 as? CurlError)?.classification ?? FailureClassification(outcome: .failure, isRetryable: false)
                } _: { [client, server] attempt in
                    var server = server
                    if let timeout = attempt.timeout { server.timeout = timeout }
                    do {
                        try await client.send(mail, via: server)
                    } catch let error as CurlError where error.isExpiry(of: attempt) {
                        throw DeadlineExceeded(stage: .attempt, limit: server.timeout, cause: error)
                    }
                }
                duration.labels(server.host, "").observe(stopwatch.seconds, exemplar: span.exportedContext)
            } catch let error as CurlError {
                let type = error.status.map(String.init) ?? error.code.description
                span.setError(type: type, message: error.description)
                duration.labels(server.host, type).observe(stopwatch.seconds, exemplar: span.exportedContext)
                if error.isFinalRefusal {
                    throw EventRejection(reason: "refused_by_provider", message: error.description)
                }
                throw error
            } catch {
                guard let reason = error.resilienceReason else { throw error }
                span.link(toOpeningOf: error)
                span.setError(type: reason, message: "\(error)")
                // The others never reached the server.
                if (error as? DeadlineExceeded)?.stage == .attempt {
                    duration.labels(server.host, reason).observe(stopwatch.seconds, exemplar: span.exportedContext)
                }
                throw error
            }
        }
    }
}

extension CurlError {
    /// Whether the attempt's time was up, rather than libcurl's for a part of it, such as connecting.
    fileprivate func isExpiry(of attempt: ResiliencePipeline.Attempt) -> Bool {
        // libcurl counts whole milliseconds, and may be early by one.
        code == .timeout && attempt.deadline.map { $0.remaining() < .milliseconds(5) } ?? false
    }
}

/// The mail server's URL is wrong.
struct InvalidMailServer: Error, CustomStringConvertible {
    var description: String { "it must be smtp://host:port or smtps://host:port" }
}
