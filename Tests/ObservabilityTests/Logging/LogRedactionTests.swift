import Logging
import Testing

@testable import Observability

@Suite("Log redaction")
struct LogRedactionTests {
    @Test(
        "recognises keys of secrets whatever their spelling",
        arguments: [
            ("password", true), ("db.Password", true), ("userPassword2", true), ("access_token", true),
            ("x-api-key", true),
            ("APIKey", true), ("Authorization", true), ("client.secret", true), ("e-mail", true), ("user.email", true),
            ("Set-Cookie", true), ("order.id", false), ("pass", false), ("api", false), ("", false), ("emai", false),
        ]
    )
    func keys(key: String, isSecret: Bool) {
        #expect(LogRedaction().isSecret(key) == isSecret)
    }

    @Test("replaces secrets at any depth and shows what is allowed")
    func replacement() throws {
        let capture = LogCapture()
        let redaction = LogRedaction(
            words: LogRedaction.defaultWords.union(["iban"]),
            allowedKeys: ["page_token"]
        )
        var logger = capture.logger(.json, redaction: redaction)
        logger[metadataKey: "password"] = "hunter2"
        logger.info(
            "m",
            metadata: [
                "page_token": "abc", "IBAN": ["hunter2"],
                "request": ["headers": ["authorization": "hunter2"], "id": "1"],
                "list": [["token": "hunter2"]],
            ]
        )
        let line = try JSONValue.lines(of: capture)[0]
        #expect(line["password"] == "[redacted]")
        #expect(line["page_token"] == "abc")
        #expect(line["IBAN"] == "[redacted]")
        #expect(line["request"] == .object(["headers": .object(["authorization": "[redacted]"]), "id": "1"]))
        #expect(line["list"] == .array([.object(["token": "[redacted]"])]))
        #expect(!capture.lines[0].contains("hunter2"))
    }

    @Test(
        "masks what looks like an e-mail address",
        arguments: [
            ("ada@example.com", "***@example.com"),
            ("to <ada.l+x@mail.example.com>, cc bob@b.org.", "to <***@mail.example.com>, cc ***@b.org."),
            ("nats://user:secret@nats.example.com:4222", "nats://user:***@nats.example.com:4222"),
            ("j\u{f6}rg@example.com", "***@example.com"), ("a@b@c.de", "a@***@c.de"),
            ("@example.com", "@example.com"), ("a@localhost", "a@localhost"), ("a@.com", "a@.com"), ("a@b.", "a@b."),
            ("no address", "no address"), ("@", "@"), ("", ""),
        ]
    )
    func emailAddresses(text: String, masked: String) {
        #expect(LogRedaction().masked(text) == masked)
        #expect(LogRedaction(masksEmailAddresses: false).masked(text) == text)
    }

    @Test("masks addresses in messages, values and errors")
    func emailAddressesEverywhere() {
        struct Bounced: Error, CustomStringConvertible { let description = "no mailbox ada@example.com" }
        let capture = LogCapture()
        capture.logger(.text).error(
            "sent to ada@example.com",
            error: Bounced(),
            metadata: ["to": ["ada@example.com", .stringConvertible(Bounced())]]
        )
        #expect(!capture.lines[0].contains("ada"))
        #expect(capture.lines[0].contains("***@example.com"))
    }
}
