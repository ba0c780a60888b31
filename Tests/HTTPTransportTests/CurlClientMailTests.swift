import Foundation
import Testing

@testable import HTTPTransport

@Suite("Mail over SMTP")
struct CurlClientMailTests {
    private func message(_ change: (inout MailMessage) -> Void = { _ in }) -> MailMessage {
        var message = MailMessage(
            from: MailAddress("shop@example.com", name: "The Shop"),
            to: [MailAddress("ada@example.org", name: "Ada")],
            subject: "Your order",
            text: "Hello\n.\n..and more\n",
            date: Date(timeIntervalSince1970: 1_700_000_000),
            messageID: "order-1@example.com"
        )
        change(&message)
        return message
    }

    private func deliver(
        _ message: MailMessage,
        to sink: SMTPSink,
        _ change: (inout SMTPServer) -> Void = { _ in }
    ) async throws -> CurlError? {
        var server = SMTPServer(host: "127.0.0.1", port: sink.port, security: .plaintext, timeout: .seconds(5))
        server.clientName = "client.example.com"
        change(&server)
        let client = try CurlClient()
        var failure: CurlError?
        do {
            try await client.send(message, via: server)
        } catch {
            failure = error
        }
        await client.shutdown()
        return failure
    }

    @Test("delivers a message with its envelope, its headers and dots at the starts of lines")
    func delivery() async throws {
        let sink = try SMTPSink()
        let message = message {
            $0.recipients.append(MailAddress("bob@example.net"))
            $0.returnPath = MailAddress("bounces@example.com")
            $0.headers = ["Auto-Submitted": "auto-generated"]
        }
        #expect(try await deliver(message, to: sink) == nil)
        #expect(sink.commands.first == "EHLO client.example.com")
        let mail = try #require(sink.mails.first)
        #expect(mail.sender.hasPrefix("MAIL FROM:<bounces@example.com>"))
        #expect(mail.recipients == ["RCPT TO:<ada@example.org>", "RCPT TO:<bob@example.net>"])
        #expect(
            mail.lines == [
                "Date: Tue, 14 Nov 2023 22:13:20 +0000",
                "From: \"The Shop\" <shop@example.com>",
                "To: \"Ada\" <ada@example.org>,",
                " <bob@example.net>",
                "Subject: Your order",
                "Message-ID: <order-1@example.com>",
                "Auto-Submitted: auto-generated",
                "MIME-Version: 1.0",
                "Content-Type: text/plain; charset=utf-8",
                "Content-Transfer-Encoding: quoted-printable",
                "", "Hello", "..", "...and more",
            ]
        )
    }

    @Test("keeps a header one header, whatever a customer is called")
    func injection() async throws {
        let sink = try SMTPSink()
        let message = message {
            $0.subject = "Hi\r\nBcc: everybody@example.com\r\n\r\nBuy"
            $0.recipients = [MailAddress("ada@example.org", name: "A\"\\\r\nX-Injected: 1\u{2028}")]
            $0.from.name = "Ü\r\nX-Injected: 1"
        }
        #expect(try await deliver(message, to: sink) == nil)
        let lines = try #require(sink.mails.first).lines
        let header = lines.prefix { !$0.isEmpty }
        #expect(!header.contains { $0.lowercased().hasPrefix("bcc") || $0.lowercased().hasPrefix("x-injected") })
        #expect(header.contains("Subject: Hi  Bcc: everybody@example.com    Buy"))
    }

    @Test("encodes what is not ASCII in words of at most 75 characters that no character is split by")
    func encodedWords() throws {
        let subject = String(repeating: "Grüße – 日本語 😀 ", count: 12)
        let encoded = HeaderEncoding.text(subject)
        let words = encoded.components(separatedBy: "\r\n ")
        #expect(words.count > 1)
        var decoded = ""
        for word in words {
            #expect(word.count <= 75)
            #expect(word.hasPrefix("=?UTF-8?B?") && word.hasSuffix("?="))
            let data = try #require(Data(base64Encoded: String(word.dropFirst(10).dropLast(2))))
            decoded += try #require(String(data: data, encoding: .utf8))
        }
        #expect(decoded == subject)
    }

    @Test(
        "encodes a body in lines that every server takes",
        arguments: [
            "", "plain", "tab at the end\t\nspace \n", "a=b", String(repeating: "x", count: 1000), "é\r\nline\rline\n",
            String(repeating: "日本語", count: 100), "\0\u{7}",
        ]
    )
    func body(text: String) throws {
        let (name, body) = BodyEncoding.encode(text)
        let lines = body.components(separatedBy: "\r\n")
        #expect(lines.allSatisfy { $0.count <= 76 && $0.utf8.allSatisfy { $0 < 0x80 && $0 >= 0x20 || $0 == 0x09 } })
        #expect(lines.dropLast().allSatisfy { !$0.hasSuffix(" ") && !$0.hasSuffix("\t") })
        let normalized = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        if name == "base64" {
            let data = try #require(Data(base64Encoded: lines.joined()))
            #expect(String(decoding: data, as: UTF8.self) == normalized.replacing("\n", with: "\r\n"))
        } else {
            // The last line is ended, once.
            #expect(unquoted(body) == (normalized.hasSuffix("\n") ? normalized : normalized + "\n"))
        }
    }

    @Test("refuses parts that could inject commands or headers")
    func validation() async throws {
        let sink = try SMTPSink()
        let addresses = [
            "", "ada", "@example.org", "ada@", "a da@example.org", "ada@example.org>", "ada@exa\r\nmple.org",
            "ada@example.org\r\nRCPT TO:<eve@example.org>", "\"ada\"@example.org", "ada@@example.org",
            ".ada@example.org",
            "ada@-example.org", "ädä@example.org", String(repeating: "a", count: 65) + "@example.org",
        ]
        for address in addresses {
            let failure = try await deliver(message { $0.recipients = [MailAddress(address)] }, to: sink)
            #expect(failure?.code == .invalidRequest)
            #expect(try await deliver(message { $0.from = MailAddress(address) }, to: sink)?.code == .invalidRequest)
        }
        let changes: [(inout MailMessage) -> Void] = [
            { $0.recipients = [] }, { $0.messageID = "a>\r\nX: <b@c" }, { $0.headers = ["Bcc": "x@example.org"] },
            { $0.headers = ["X": "1\r\nY: 2"] }, { $0.headers = ["X: 1\r\nY": "2"] },
        ]
        for change in changes {
            #expect(try await deliver(message(change), to: sink)?.code == .invalidRequest)
        }
        let hosts = ["", "local host", "localhost/x", "a@b", "localhost\r\n", "[::1"]
        for host in hosts {
            #expect(try await deliver(message(), to: sink) { $0.host = host }?.code == .invalidRequest)
        }
        #expect(try await deliver(message(), to: sink) { $0.clientName = "x\r\nRSET" }?.code == .invalidRequest)
        #expect(sink.commands.isEmpty)
    }

    @Test(
        "reports a refusal with the server's reply code and nobody's address",
        arguments: [("MAIL", 451), ("RCPT", 550), ("DATA", 554), (".", 552)]
    )
    func refusal(command: String, status: Int) async throws {
        let sink = try SMTPSink([command: "\(status) no, not ada@example.org"])
        let failure = try #require(try await deliver(message(), to: sink))
        #expect(failure.code == .rejected)
        #expect(failure.status == status)
        #expect(!failure.description.contains("ada"))
    }

    @Test("does not deliver to some when one recipient is refused")
    func partialRefusal() async throws {
        let sink = try SMTPSink(["RCPT": "550 no"])
        #expect(try await deliver(message(), to: sink)?.code == .rejected)
        #expect(sink.mails.isEmpty)
    }

    @Test("delivers nothing unencrypted when encryption is required")
    func startTLS() async throws {
        let sink = try SMTPSink()
        #expect(try await deliver(message(), to: sink) { $0.security = .startTLS }?.code == .tls)
        #expect(sink.mails.isEmpty)
        #expect(try await deliver(message(), to: sink) { $0.security = .opportunistic } == nil)
        #expect(sink.mails.count == 1)
    }

    @Test("authenticates, and tells a wrong password from a refusal")
    func authentication() async throws {
        let taken = try SMTPSink(["AUTH": "235 welcome"], extensions: ["AUTH PLAIN"])
        let credentials = SMTPServer.Credentials(user: "me", password: "hidden")
        #expect(try await deliver(message(), to: taken) { $0.credentials = credentials } == nil)
        #expect(taken.commands.contains { $0.hasPrefix("AUTH PLAIN") })
        let refused = try SMTPSink(["AUTH": "535 wrong"], extensions: ["AUTH PLAIN"])
        let failure = try #require(try await deliver(message(), to: refused) { $0.credentials = credentials })
        #expect(failure.code == .authentication)
        #expect(!"\(failure) \(SMTPServer(host: "x", credentials: credentials))".contains("hidden"))
    }

    @Test("sends no password unencrypted to another host")
    func passwordInPlaintext() async throws {
        for security in [SMTPServer.Security.plaintext, .opportunistic] {
            var server = SMTPServer(host: "mail.example.com", security: security)
            server.credentials = SMTPServer.Credentials(user: "me", password: "hidden")
            #expect(throws: CurlError.self) { try server.validate() }
        }
    }

    @Test("ends when the server stops answering")
    func timeout() async throws {
        let sink = try SMTPSink(["MAIL": ""])
        #expect(try await deliver(message(), to: sink) { $0.timeout = .milliseconds(300) }?.code == .timeout)
    }
}

/// Decodes quoted-printable text, for the test's round trip.
private func unquoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.replacing("=\r\n", with: "").replacing("\r\n", with: "\n").utf8)[...]
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "="), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
            bytes.append(value)
            rest = rest.dropFirst(2)
        } else {
            bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
