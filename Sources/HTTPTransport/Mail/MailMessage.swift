public import Foundation

/// A plain-text mail message.
public struct MailMessage: Sendable, Hashable {
    /// Who wrote it.
    public var from: MailAddress
    /// Who gets it, at least one.
    public var recipients: [MailAddress]
    /// What it is about. Control characters become spaces.
    public var subject: String
    /// The text, with any kind of line ends.
    public var text: String
    /// When it was written.
    public var date: Date
    /// What is inside the angle brackets of `Message-ID`. The same for every attempt to deliver the same message, so
    /// that a mailbox that gets it twice can tell.
    public var messageID: String
    /// Further headers, for instance `Auto-Submitted`.
    public var headers: HTTPFields
    /// Where refusals go: the SMTP envelope's sender. `nil` means ``from``.
    public var returnPath: MailAddress?

    /// Creates a message.
    ///
    /// - Parameters:
    ///   - from: Who wrote it.
    ///   - recipients: Who gets it.
    ///   - subject: What it is about.
    ///   - text: The text.
    ///   - date: When it was written.
    ///   - messageID: What identifies it; `nil` makes a random identifier at the sender's domain.
    ///   - headers: Further headers.
    ///   - returnPath: Where refusals go.
    public init(
        from: MailAddress,
        to recipients: [MailAddress],
        subject: String,
        text: String,
        date: Date = Date(),
        messageID: String? = nil,
        headers: HTTPFields = [:],
        returnPath: MailAddress? = nil
    ) {
        self.from = from
        self.recipients = recipients
        self.subject = subject
        self.text = text
        self.date = date
        self.messageID = messageID ?? "\(UUID().uuidString.lowercased())@\(from.domain)"
        self.headers = headers
        self.returnPath = returnPath
    }

    var envelopeSender: MailAddress { returnPath ?? from }
}

extension MailMessage {
    /// Headers that the message itself makes.
    private static let reserved: Set<String> = [
        "date", "from", "sender", "to", "cc", "bcc", "subject", "message-id", "return-path", "mime-version",
        "content-type", "content-transfer-encoding",
    ]

    /// The message as RFC 5322 wants it, with CRLF line ends and lines of at most 78 characters where text allows.
    ///
    /// - Throws: ``CurlError`` with ``CurlError/Code/invalidRequest`` when a part cannot be sent; it is not shown.
    func render() throws(CurlError) -> [UInt8] {
        try validate()
        let (encoding, body) = BodyEncoding.encode(text)
        var lines = [
            "Date: \(Self.format(date))",
            "From: \(from.headerText)",
            "To: \(recipients.map(\.headerText).joined(separator: ",\r\n "))",
            "Subject: \(HeaderEncoding.text(subject))",
            "Message-ID: <\(messageID)>",
        ]
        for field in headers { lines.append("\(field.name): \(HeaderEncoding.text(field.value))") }
        lines += [
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: \(encoding)",
        ]
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
    }

    private func validate() throws(CurlError) {
        guard from.isValid, envelopeSender.isValid else {
            throw CurlError(.invalidRequest, "the sender's address is not a plain mail address")
        }
        guard !recipients.isEmpty else { throw CurlError(.invalidRequest, "the message has no recipient") }
        guard recipients.allSatisfy(\.isValid) else {
            throw CurlError(.invalidRequest, "a recipient's address is not a plain mail address")
        }
        guard MailAddress(messageID).isValid else {
            throw CurlError(.invalidRequest, "the message's identifier is not of the form left@right")
        }
        for field in headers {
            guard Text.isToken(field.name), !Self.reserved.contains(field.name.lowercased()) else {
                throw CurlError(.invalidRequest, "a header has a name that cannot be set")
            }
            guard Text.isFieldValue(field.value) else {
                throw CurlError(.invalidRequest, "the header \(field.name) has control characters in its value")
            }
        }
    }

    /// The date of RFC 5322 §3.3 in UTC. By hand, because a formatter would follow the process's locale.
    static func format(_ date: Date) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents([.year, .month, .day, .weekday, .hour, .minute, .second], from: date)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func twoDigits(_ number: Int?) -> String {
            let number = number ?? 0
            return number < 10 ? "0\(number)" : "\(number)"
        }
        let day = days[((parts.weekday ?? 1) - 1) % 7]
        let month = months[((parts.month ?? 1) - 1) % 12]
        let time = "\(twoDigits(parts.hour)):\(twoDigits(parts.minute)):\(twoDigits(parts.second))"
        return "\(day), \(parts.day ?? 1) \(month) \(parts.year ?? 1970) \(time) +0000"
    }
}
