internal import HTTPTransport
internal import Observability
internal import Tracing

/// Sends e-mail, traced and measured.
///
/// The span knows the server and the outcome, never the recipient or the text.
public final class TracedMailer: Sendable {
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
    ///   - telemetry: Where to record.
    /// - Throws: An error that says what is wrong with the server's URL.
    public init(server: String, sender: String, user: String, password: String, telemetry: Telemetry) throws {
        let parts = server.split(separator: "/", omittingEmptySubsequences: true)
        guard parts.count == 2, parts[0] == "smtp:" || parts[0] == "smtps:",
            let address = NetworkAddress(String(parts[1]))
        else { throw InvalidMailServer() }
        self.server = SMTPServer(
            host: address.host,
            port: address.port,
            security: parts[0] == "smtps:" ? .tls : user.isEmpty ? .opportunistic : .startTLS,
            credentials: user.isEmpty ? nil : .init(user: user, password: password),
            // Well below the time after which PostgreSQL ends a transaction that does nothing.
            timeout: .seconds(10)
        )
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

    /// Whether the server refused this mail for good (RFC 5321 §4.2.1): the same mail would be refused again.
    ///
    /// What a server says about itself or about our credentials (521, 530, 534, 535, 538, 554 as a greeting) is no verdict
    /// on a mail: all mails wait until somebody has put that right.
    private static func isFinal(_ error: CurlError) -> Bool {
        guard error.code == .rejected, let status = error.status else { return false }
        return (500...599).contains(status) && ![521, 530, 534, 535, 538, 554].contains(status)
    }

    /// Sends a mail and returns when the server has accepted it.
    ///
    /// - Parameters:
    ///   - subject: The subject line.
    ///   - text: The text.
    ///   - recipient: The address.
    ///   - messageID: Tells repetitions of one mail apart from different mails.
    /// - Throws: ``EventRejection`` when the server refuses for good, otherwise what went wrong; without addresses.
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
                try await client.send(mail, via: server)
                duration.labels(server.host, "").observe(stopwatch.seconds)
            } catch let error as CurlError {
                let type = error.status.map(String.init) ?? error.code.description
                span.setError(type: type, message: error.description)
                duration.labels(server.host, type).observe(stopwatch.seconds)
                if Self.isFinal(error) {
                    throw EventRejection(reason: "refused_by_provider", message: error.description)
                }
                throw error
            }
        }
    }
}

/// The mail server's URL is wrong.
struct InvalidMailServer: Error, CustomStringConvertible {
    var description: String { "it must be smtp://host:port or smtps://host:port" }
}
