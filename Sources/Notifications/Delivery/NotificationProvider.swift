internal import ContrailInstrumentation
internal import Logging

/// A way to reach a customer.
protocol NotificationProvider: Sendable {
    /// The channel's name in rows, spans and labels: `log`, `smtp`.
    var channel: String { get }

    /// Hands a notice over and returns once the provider has accepted it.
    ///
    /// - Parameters:
    ///   - notice: What to tell.
    ///   - recipient: Whom.
    ///   - id: The notification's id, the same at every attempt, so that a provider can recognise a repetition.
    /// - Throws: What the provider answers.
    func deliver(_ notice: Notice, to recipient: Recipient, id: String) async throws
}

/// Whom to tell. Never printed, logged or recorded.
struct Recipient: Sendable, CustomStringConvertible {
    let name: String
    let email: String

    var description: String { "[recipient]" }
}

/// Writes a log line instead of a message: the provider of the local stack.
struct LogProvider: NotificationProvider {
    let channel = "log"
    let logger: Logger

    func deliver(_ notice: Notice, to recipient: Recipient, id: String) async throws {
        logger.info(
            "notification delivered",
            metadata: [
                "notification.id": "\(id)", "user.id": "\(notice.userID)", "subject": "\(notice.subject)",
            ]
        )
    }
}

/// Sends an e-mail.
struct MailProvider: NotificationProvider {
    let channel = "smtp"
    let mailer: TracedMailer

    func deliver(_ notice: Notice, to recipient: Recipient, id: String) async throws {
        try await mailer.send(
            subject: notice.subject,
            text: "Hello \(recipient.name),\n\n\(notice.text)\n",
            to: recipient.email,
            messageID: id
        )
    }
}
