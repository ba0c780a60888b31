import Foundation
import Logging
import TestKit
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

    @Test(
        "masks secrets inside of texts",
        arguments: [
            ("password=hunter2", "password=[redacted]"), ("db.password=hunter2&x=1", "db.password=[redacted]&x=1"),
            ("host=a PGPASSWORD=hunter2, port=5", "host=a PGPASSWORD=[redacted], port=5"),
            ("{\"token\": \"hunter2\", \"id\": \"1\"}", "{\"token\": \"[redacted]\", \"id\": \"1\"}"),
            ("secret='hunter 2' x", "secret='[redacted]' x"), ("\"apiKey\":\"a\\\"b\"", "\"apiKey\":\"[redacted]\""),
            ("\"token\":\"open end", "\"token\":\"[redacted]"),
            ("Authorization: Basic aHVudGVyMg==\nHost: x", "Authorization: [redacted]\nHost: x"),
            ("set-cookie: a=b; c=d", "set-cookie: [redacted]"),
            ("sent bearer hunter2hunter2.", "sent bearer [redacted]"),
            ("nats://user:hunter2@localhost:4222/x", "nats://[redacted]@localhost:4222/x"),
            ("postgres://u:p@ss@db.example.com", "postgres://[redacted]@db.example.com"),
            ("http://example.com/a@b", "http://example.com/a@b"), ("invalid token: expired", "invalid token: expired"),
            ("token = x", "token = x"), ("bearer of news", "bearer of news"), ("a=b", "a=b"), ("=", "="), (":", ":"),
            ("password=", "password="), ("://", "://"), ("Bearer ", "Bearer "),
        ]
    )
    func secretsInTexts(text: String, masked: String) {
        let redaction = LogRedaction(masksEmailAddresses: false)
        #expect(redaction.masked(text) == (text == "password=" ? "password=" : masked))
        #expect(LogRedaction(words: [], masksEmailAddresses: false).masked(text) == text)
        #expect(redaction.masked(masked) == masked)
    }

    @Test("any text is masked without harm")
    func anyText() async {
        var generator = SeededGenerator(seed: 21)
        let pieces = [
            "password", "token", "Bearer ", "://", "@", "=", ":", " ", "\"", "'", "\\", "a.b", "é", "🦆", "\n",
        ]
        let nothing = LogRedaction(words: [], masksEmailAddresses: false)
        for round in 0..<10_000 {
            // Other tests want to run meanwhile.
            if round % 100 == 0 { await Task.yield() }
            let text = generator.text(pieces, upTo: 12)
            let masked = LogRedaction().masked("password=hunter2 " + text)
            #expect(masked.hasPrefix("password=[redacted] "))
            #expect(nothing.masked(text) == text)
        }
    }

    @Test("canaries planted everywhere are in no line of any format")
    func canaries() {
        struct Failure: Error, CustomStringConvertible { let description: String }
        let canary = Canary()
        for format in [LogFormat.json, .text, .coloredText] {
            let capture = LogCapture()
            var logger = capture.logger(format)
            logger[metadataKey: "db.password"] = "\(canary.secret)"
            logger.error(
                "login of \(canary.emailAddress) failed with password=\(canary.secret)",
                error: Failure(description: "401 for https://u:\(canary.secret)@example.com"),
                metadata: [
                    "headers": ["authorization": "Bearer \(canary.secret)", "x": ["Bearer \(canary.secret)"]],
                    "to": ["\(canary.emailAddress)"], "cookies": .array(["\(canary.secret)"]),
                    "body": "{\"token\":\"\(canary.secret)\"}",
                    "object": .stringConvertible(Failure(description: "secret=\(canary.secret)")),
                ]
            )
            #expect(capture.lines.count == 1)
            #expect(canary.leaks(in: capture.bytes) == [])
        }
    }

    @Test("a canary is found in every usual encoding")
    func canaryIsFound() {
        let canary = Canary()
        #expect(canary.leaks(in: Array("x \(canary.secret) y".utf8)) == ["secret"])
        #expect(canary.leaks(in: Array("to \(canary.emailAddress)".utf8)) == ["e-mail address"])
        #expect(canary.leaks(in: Array(Data(canary.secret.utf8).base64EncodedString().utf8)) == ["secret in base64"])
        #expect(canary.leaks(in: Array("***@example.com [redacted]".utf8)) == [])
    }
}
