import Contracts
import Foundation
import SwiftProtobuf
import Testing

@testable import ContrailCLI

@Suite("Explanations of notifications")
struct ExplanationTextTests {
    private let text = ExplanationText(columns: 80, color: false, traceURL: nil)

    private static let second: UInt64 = 1_767_323_045_000_000_000

    private func explanation(
        _ change: (inout Contrail_Notifications_V1_ExplainNotificationResponse) -> Void = { _ in }
    ) -> Contrail_Notifications_V1_ExplainNotificationResponse {
        var explanation = Contrail_Notifications_V1_ExplainNotificationResponse.with {
            $0.notification = .with {
                $0.id = "0198f5d2-9d2c-7c6b-b4a1-000000000001"
                $0.orderID = "b8c709a2-8f30-4855-b599-febbe2393d46"
                $0.eventType = "order.shipped"
                $0.channel = "smtp"
                $0.traceID = "728773929259653bee1cd6418853e689"
                $0.attempts = 2
                $0.deliveredAt = Google_Protobuf_Timestamp(unixNanoseconds: Self.second + 1_950_000_000)
                $0.endToEnd = Google_Protobuf_Duration(nanoseconds: 2_000_000_000)
                $0.late = true
                $0.cause = "redelivery_wait"
                $0.causeReason = "smtp_451"
                $0.stages = [
                    ("accept", 20), ("outbox_wait", 10), ("publish", 5), ("stream_wait", 5), ("redelivery_wait", 1500),
                    ("lookup", 60), ("deliver", 400), ("record", 0),
                ].map { name, milliseconds in
                    .with {
                        $0.name = name
                        $0.duration = Google_Protobuf_Duration(nanoseconds: UInt64(milliseconds) * 1_000_000)
                    }
                }
            }
            $0.failedAttempts = [
                .with {
                    $0.number = 1
                    $0.startedAt = Google_Protobuf_Timestamp(unixNanoseconds: Self.second)
                    $0.failedAt = Google_Protobuf_Timestamp(unixNanoseconds: Self.second + 60_000_000)
                    $0.reason = "smtp_451"
                    $0.delay = Google_Protobuf_Duration(nanoseconds: 1_480_000_000)
                }
            ]
            $0.clockSkew = Google_Protobuf_Duration(nanoseconds: 3_000_000)
        }
        change(&explanation)
        return explanation
    }

    @Test("Stages are bars, the longest is marked, and attempts have their reasons and delays")
    func rendering() {
        let expected = """
            order.shipped  0198f5d2-9d2c-7c6b-b4a1-000000000001
            took 2.00 s, late · cause redelivery_wait after smtp_451 · 2 attempts · by smtp
            order b8c709a2-8f30-4855-b599-febbe2393d46
            trace 728773929259653bee1cd6418853e689

              STAGE            DURATION    SHARE  0 ───────────────────────────────── 2.00 s
              accept            20.0 ms    1.0 %  ▏
              outbox_wait       10.0 ms    0.5 %  ▏
              publish           5.00 ms    0.3 %  ▏
              stream_wait       5.00 ms    0.3 %  ▏
            ▶ redelivery_wait    1.50 s   75.0 %  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░
              lookup            60.0 ms    3.0 %  █
              deliver            400 ms   20.0 %  ████████
              record                  0    0.0 %
              total              2.00 s

            attempts
               1  2026-01-02T03:04:05.000Z  ✗ smtp_451 after 60.0 ms, the next put off by 1.48 s
               2  2026-01-02T03:04:06.950Z  ✓ delivered

            clock skew
              two clocks on the way disagreed by 3.00 ms at least

            """
        let rendered = text.render(explanation())
        #expect(rendered == expected, "\(rendered)")
    }

    @Test("A notification whose end nobody saw says so, and a link is made when there is a Jaeger")
    func unfinished() {
        let unfinished = explanation {
            $0.notification.stages = []
            $0.notification.clearEndToEnd()
            $0.failedAttempts = []
            $0.clearClockSkew()
        }
        let rendered = ExplanationText(columns: 80, color: false, traceURL: "https://jaeger.example").render(unfinished)
        #expect(rendered.contains("is not known"))
        #expect(rendered.contains("\nhttps://jaeger.example/trace/728773929259653bee1cd6418853e689\n"))
        #expect(!rendered.contains("attempts\n"))
    }

    @Test("What others wrote cannot steer the terminal, and stages fit into it", arguments: [40, 60, 200])
    func terminal(columns: Int) {
        let hostile = explanation {
            $0.notification.causeReason = "\u{1B}]0;title\u{07}"
            $0.failedAttempts[0].reason = "\u{1B}[2J"
        }
        let rendered = ExplanationText(columns: columns, color: false, traceURL: nil).render(hostile)
        #expect(!rendered.contains("\u{1B}") && !rendered.contains("\u{07}"))
        for line in rendered.split(separator: "\n") where line.contains("%") { #expect(line.count <= columns) }
    }

    @Test("JSON has what the service answers, and the longest stage")
    func json() throws {
        let data = Data(try text.json([explanation()]).utf8)
        let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let list = try #require(object["notifications"] as? [[String: Any]])
        #expect(list.count == 1)
        #expect(list[0]["longestStage"] as? String == "redelivery_wait")
        #expect((list[0]["failedAttempts"] as? [Any])?.count == 1)
    }
}
