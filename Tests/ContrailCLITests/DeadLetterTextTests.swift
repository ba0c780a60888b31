import Contracts
import Foundation
import SwiftProtobuf
import Testing

@testable import ContrailCLI

@Suite("Dead letters as text")
struct DeadLetterTextTests {
    private let text = DeadLetterText(console: Console(environment: ["COLUMNS": "120"]))

    private func letter(_ sequence: UInt64, type: String = "order.shipped") -> Contrail_Notifications_V1_DeadLetter {
        .with {
            $0.sequence = sequence
            $0.eventID = "event-\(sequence)"
            $0.eventType = type
            $0.reason = "undecodable"
            $0.errorType = "undecodable"
            $0.error = "the payload is no order.shipped"
            $0.attempts = 1
            $0.subject = "order.shipped"
            $0.stream = "ORDERS"
            $0.streamSequence = 7
            $0.consumer = "notifications"
            $0.deadAt = Google_Protobuf_Timestamp(unixNanoseconds: 1_767_323_045_000_000_000)
        }
    }

    @Test("A list is a table with the total below")
    func list() {
        let found = Contrail_Notifications_V1_ListDeadLettersResponse.with {
            $0.deadLetters = [letter(3), letter(12)]
            $0.total = 5
        }
        let expected = """
            NUMBER  SINCE                 REASON       ATTEMPTS  EVENT          EVENT ID  TRACE
            3       2026-01-02T03:04:05Z  undecodable  1         order.shipped  event-3   –
            12      2026-01-02T03:04:05Z  undecodable  1         order.shipped  event-12  –
            5 dead letters, 2 shown
            """
        #expect(text.list(found) == expected)
        #expect(text.list(.with { $0.total = 0 }) == "no dead letters")
        #expect(text.list(.with { $0.total = 1 }) == "none of 1 dead letter is meant")
    }

    @Test("A letter shows the fields of its event, and nothing about a person")
    func show() throws {
        let payload = try Contrail_Events_V1_UserCreated.with {
            ($0.userID, $0.displayName) = ("7f0c", "Ada Lovelace")
        }.serializedData()
        let found = Contrail_Notifications_V1_GetDeadLetterResponse.with {
            $0.deadLetter = letter(3, type: "user.created")
            $0.headers = ["ce-id": "event-3", "baggage": "name=Ada", "x-evil": "\u{1B}[2J"]
            $0.payload = payload
        }
        for output in [text.show(found), try text.json(found)] {
            #expect(output.contains("7f0c") && output.contains("event-3"))
            #expect(!output.contains("Ada"), "\(output)")
            #expect(!output.contains("\u{1B}"))
        }
        #expect(text.show(found).contains("ORDERS number 7"))
        let object = try JSONSerialization.jsonObject(with: Data(text.json(found).utf8)) as? [String: Any]
        #expect((object?["payload"] as? [String: Any])?["displayName"] as? String == "[not shown]")
        #expect(object?["payloadBytes"] as? Int == payload.count)
    }

    @Test("Every event of the catalogue is shown by its fields")
    func catalogue() {
        for event in EventCatalogue.all { #expect(EventPayloadText(type: event.type, bytes: Data()).isReadable) }
    }

    @Test("Bytes that are no event are shown in hexadecimal, the first of them")
    func bytes() throws {
        let found = Contrail_Notifications_V1_GetDeadLetterResponse.with {
            $0.deadLetter = letter(3)
            $0.payload = Data([0x0a, 0xff, 0x01]) + Data(repeating: 0xee, count: 200)
        }
        #expect(text.show(found).contains("203 bytes, unreadable\n  0aff01ee"))
        let object = try JSONSerialization.jsonObject(with: Data(text.json(found).utf8)) as? [String: Any]
        #expect((object?["payloadHex"] as? String)?.count == 129)
    }

    @Test("A redrive says what became of each letter, and counts")
    func results() {
        let tally = RedriveTally()
        let results: [Contrail_Notifications_V1_RedriveResult] = [
            .with { ($0.sequence, $0.eventID, $0.outcome, $0.streamSequence) = (3, "event-3", .redriven, 9) },
            .with { ($0.sequence, $0.outcome) = (4, .notFound) },
        ]
        tally.add(results)
        #expect(tally.summary == "1 redriven, 1 not there (any more)")
        #expect(!tally.hasFailures)
        tally.add([.with { ($0.sequence, $0.outcome, $0.message) = (5, .failed, "timeout") }])
        #expect(tally.hasFailures)
        #expect(tally.summary.hasSuffix("1 failed"))
        #expect(
            text.results(tally.response.results) == """
                3  event-3  redriven, now number 9 of its stream
                4  –        not there (any more)
                5  –        failed: timeout
                """
        )
        #expect(RedriveTally().summary == "no dead letters")
    }
}
