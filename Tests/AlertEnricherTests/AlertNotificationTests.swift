import Foundation
import Testing

@testable import AlertEnricher

@Suite("A notification of Alertmanager")
struct AlertNotificationTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("Is read")
    func read() throws {
        let notification = try AlertNotification(
            Bodies.notification([Bodies.alert(), Bodies.alert("Other", status: "resolved")])
        )
        #expect(notification.receiver == "enricher")
        #expect(notification.alerts.map(\.name) == ["NotificationsLate", "Other"])
        #expect(notification.alerts.map(\.isFiring) == [true, false])
        let annotations = ["summary": "late", "exemplar_query": "x_seconds_bucket", "cause_query": "causes"]
        #expect(notification.alerts[0].annotations == annotations)
        #expect(notification.alerts[0].startsAt == Date(timeIntervalSince1970: 1_795_266_005))
    }

    @Test(
        "The begin of an alert is read as Go writes it",
        arguments: [
            ("2026-11-21T13:00:05Z", 1_795_266_005), ("2026-11-21T14:00:05.1+01:00", 1_795_266_005),
            ("2026-11-21T13:00:05.123456789Z", 1_795_266_005), ("0001-01-01T00:00:00Z", nil), ("soon", nil), ("", nil),
        ] as [(String, Double?)]
    )
    func begin(text: String, seconds: Double?) throws {
        let notification = try AlertNotification(Bodies.notification([Bodies.alert(startsAt: text)]))
        #expect(notification.alerts[0].startsAt?.timeIntervalSince1970 == seconds)
    }

    @Test("To which nothing is added comes out byte for byte")
    func unchanged() throws {
        let body = Bodies.notification([Bodies.alert(), Bodies.alert("Other", status: "resolved")])
        #expect(text(try AlertNotification(body).body(adding: [[], []])) == text(body))
    }

    @Test("Keeps everything else when annotations are added, also what nobody knows")
    func added() throws {
        let alerts = [Bodies.alert(), Bodies.alert("Other", status: "resolved")]
        let enriched = try AlertNotification(Bodies.notification(alerts))
            .body(adding: [[("trace_ids", "a,b"), ("worst_traces", "one\ntwo")], []])
        let expected = Bodies.notification([
            Bodies.alert(
                annotations: #""summary":"late","exemplar_query":"x_seconds_bucket","cause_query":"causes","#
                    + #""trace_ids":"a,b","worst_traces":"one\ntwo""#
            ), alerts[1],
        ])
        #expect(text(enriched) == text(expected))
    }

    @Test("What all alerts get is common")
    func common() throws {
        let enriched = try AlertNotification(Bodies.notification([Bodies.alert("A"), Bodies.alert("B")]))
            .body(adding: [
                [("trace_ids", "a"), ("dominant_cause", "deliver")],
                [("dominant_cause", "deliver"), ("trace_ids", "b")],
            ])
        #expect(text(enriched).contains(#""commonAnnotations":{"summary":"late","dominant_cause":"deliver"}"#))
    }

    @Test("An annotation that is there already is replaced where it stands")
    func replaced() throws {
        let alert = Bodies.alert(annotations: #""runbook_url":"a.md#A","summary":"late""#)
        let enriched = try AlertNotification(Bodies.notification([alert])).body(adding: [[("runbook_url", "http://b")]])
        #expect(text(enriched).contains(#""annotations":{"runbook_url":"http://b","summary":"late"}"#))
    }

    @Test("An alert without annotations gets some")
    func withoutAnnotations() throws {
        let body = Array(#"{"alerts":[{"status":"firing"},{"annotations":null}]}"#.utf8)
        let enriched = try AlertNotification(body).body(adding: [[("a", "b")], [("a", "b")]])
        #expect(
            text(enriched)
                == #"{"alerts":[{"status":"firing","annotations":{"a":"b"}},{"annotations":{"a":"b"}}]}"#
        )
    }

    @Test("A group that was truncated stays so")
    func truncated() throws {
        let text = self.text(Bodies.notification([Bodies.alert()])).replacing(
            #""truncatedAlerts":0"#,
            with: #""truncatedAlerts":17"#
        )
        let enriched = try AlertNotification(Array(text.utf8)).body(adding: [[("a", "b")]])
        #expect(self.text(enriched).contains(#""truncatedAlerts":17,"#))
    }

    @Test(
        "What is none is refused with the reason",
        arguments: [
            ("", "the body is not JSON: it ends early at byte 0"), ("[]", "the body is not a JSON object"),
            ("{}", "the body has no array “alerts”; Alertmanager's webhook format has one"),
            (#"{"alerts":{}}"#, "the body has no array “alerts”; Alertmanager's webhook format has one"),
            (#"{"alerts":[1]}"#, "an element of “alerts” is not a JSON object"),
        ]
    )
    func refused(text: String, reason: String) {
        #expect { try AlertNotification(Array(text.utf8)) } throws: { "\($0)" == reason }
    }

    @Test("Members of other types than Alertmanager's are no texts")
    func strangeMembers() throws {
        let text = #"{"alerts":[{"status":1,"labels":[],"annotations":{"a":1,"b":"c"},"startsAt":{}}],"receiver":null}"#
        let notification = try AlertNotification(Array(text.utf8))
        #expect(notification.receiver == "")
        #expect(
            notification.alerts == [.init(name: "", isFiring: false, startsAt: nil, annotations: ["b": "c"])]
        )
        #expect(self.text(notification.body(adding: [[]])) == text)
    }
}
