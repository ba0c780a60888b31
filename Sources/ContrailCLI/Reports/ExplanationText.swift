internal import Contracts
internal import Foundation
internal import SwiftProtobuf
internal import TraceBackend

/// Where the time of a notification went, as text.
struct ExplanationText {
    typealias Explanation = Contrail_Notifications_V1_ExplainNotificationResponse

    let columns: Int
    let color: Bool
    /// A Jaeger that shows traces.
    let traceURL: String?

    private var paint: Paint { Paint(isOn: color) }

    /// A heading, a bar for each stage, and the attempts.
    func render(_ explanation: Explanation) -> String {
        let notification = explanation.notification
        var lines = [
            paint(printable("\(notification.eventType)  \(notification.id)"), .bold), summary(explanation),
        ]
        if !notification.orderID.isEmpty { lines.append("order " + printable(notification.orderID)) }
        lines.append("trace " + printable(notification.traceID))
        if let traceURL { lines.append("\(traceURL)/trace/\(printable(notification.traceID))") }
        if notification.stages.isEmpty {
            lines += ["", "Where the time went is not known: the process died before the event was acknowledged."]
        } else {
            lines.append("")
            lines += stages(of: notification)
        }
        if !explanation.failedAttempts.isEmpty {
            lines += ["", paint("attempts", .bold)]
            lines += explanation.failedAttempts.map(attempt)
            let moment = TimeText.moment(notification.deliveredAt.unixNanoseconds)
            lines.append(fitted("\(notification.attempts)", 4) + "  \(moment)  " + paint("✓ delivered", .green))
        }
        if explanation.hasClockSkew {
            let skew = TimeText.short(explanation.clockSkew.nanoseconds)
            lines += ["", paint("clock skew", .boldYellow), "  two clocks on the way disagreed by \(skew) at least"]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `{"notifications": […]}`, each as the service explains it, with its longest stage.
    func json(_ explanations: [Explanation]) throws -> String {
        let objects = try explanations.map { explanation in
            let object = try JSONSerialization.jsonObject(with: Data(try explanation.jsonString().utf8))
            var fields = object as? [String: Any] ?? [:]
            if let longest = explanation.notification.longestStage { fields["longestStage"] = longest.name }
            if let traceURL { fields["traceUrl"] = "\(traceURL)/trace/\(explanation.notification.traceID)" }
            return fields
        }
        let data = try JSONSerialization.data(
            withJSONObject: ["notifications": objects],
            options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        )
        return String(decoding: data, as: UTF8.self)
    }

    private func summary(_ explanation: Explanation) -> String {
        let notification = explanation.notification
        var parts: [String] = []
        if notification.hasEndToEnd {
            let late = notification.late ? paint("late", .boldRed) : "in time"
            parts.append("took \(TimeText.short(notification.endToEnd.nanoseconds)), \(late)")
        }
        if !notification.cause.isEmpty {
            let reason = notification.causeReason.isEmpty ? "" : " after \(notification.causeReason)"
            parts.append(printable("cause \(notification.cause)\(reason)"))
        }
        parts.append("\(notification.attempts) attempt\(notification.attempts == 1 ? "" : "s")")
        parts.append("by \(printable(notification.channel))")
        return parts.joined(separator: " · ")
    }

    private func stages(of notification: Contrail_Notifications_V1_Notification) -> [String] {
        let total = notification.stages.reduce(0) { $0 + $1.duration.nanoseconds }
        let longest = notification.longestStage?.name
        let name = max(5, notification.stages.map { TerminalText.width(printable($0.name)) }.max() ?? 0)
        let room = columns - 2 - name - 2 - 8 - 2 - 7 - 2
        let bar = room >= 16 && total > 0 ? Bar(width: min(60, room), total: total) : nil
        var heading = "  " + TerminalText.fitted("STAGE", to: name) + "  " + fitted("DURATION", 8)
        heading += "  " + fitted("SHARE", 7)
        if let bar { heading += "  " + bar.scale }
        let rows = notification.stages.map { stage in
            let time = stage.duration.nanoseconds
            let isLongest = stage.name == longest
            let share = total == 0 ? 0 : Double(time) / Double(total)
            var line = isLongest ? "▶ " : "  "
            line += TerminalText.fitted(printable(stage.name), to: name)
            line += "  " + fitted(TimeText.short(time), 8) + "  " + fitted(TimeText.percent(share), 7)
            line = paint(line, isLongest ? .boldYellow : time == 0 ? .dim : nil)
            guard let bar, time > 0 else { return line }
            let drawn = bar.draw([(0, time)], fill: stage.name.hasSuffix("_wait") ? "░" : "█")
            return line + "  " + paint(Self.trimmed(drawn), isLongest ? .yellow : .cyan)
        }
        let sum = "  " + TerminalText.fitted("total", to: name) + "  " + fitted(TimeText.short(total), 8)
        return [paint(heading, .dim)] + rows + [paint(sum, .bold)]
    }

    private func attempt(_ attempt: Contrail_Notifications_V1_Attempt) -> String {
        let (start, end) = (attempt.startedAt.unixNanoseconds, attempt.failedAt.unixNanoseconds)
        let took = TimeText.short(end > start ? end - start : 0)
        let delay = TimeText.short(attempt.delay.nanoseconds)
        return fitted("\(attempt.number)", 4) + "  \(TimeText.moment(start))  "
            + paint("✗ " + printable(attempt.reason), .red) + " after \(took), the next put off by \(delay)"
    }

    private func fitted(_ text: String, _ width: Int) -> String { TerminalText.fitted(text, to: width, right: true) }

    private func printable(_ text: String) -> String { TerminalText.printable(text) }

    private static func trimmed(_ text: String) -> String {
        String(text.reversed().drop { $0 == " " }.reversed())
    }
}

extension Contrail_Notifications_V1_Notification {
    /// The first of the longest; `nil` when nothing is known.
    var longestStage: Contrail_Notifications_V1_Stage? {
        stages.max { $0.duration.nanoseconds < $1.duration.nanoseconds }.flatMap { longest in
            stages.first { $0.duration.nanoseconds == longest.duration.nanoseconds }
        }
    }
}

extension Google_Protobuf_Duration {
    /// In nanoseconds; nothing here is negative.
    fileprivate var nanoseconds: UInt64 { UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, nanos)) }
}
