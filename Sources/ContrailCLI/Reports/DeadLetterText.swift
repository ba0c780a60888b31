internal import Contracts
internal import Foundation
internal import SwiftProtobuf
internal import TraceBackend

/// Dead letters as text. What comes from messages is made safe for a terminal first.
struct DeadLetterText {
    let console: Console

    /// A table, and how many there are.
    func list(_ found: Contrail_Notifications_V1_ListDeadLettersResponse) -> String {
        let total = "\(found.total) dead letter\(found.total == 1 ? "" : "s")"
        guard !found.deadLetters.isEmpty else {
            return found.total == 0 ? "no dead letters" : "none of \(total) is meant"
        }
        let header = ["NUMBER", "SINCE", "REASON", "ATTEMPTS", "EVENT", "EVENT ID", "TRACE"]
        let rows = found.deadLetters.map { letter in
            [
                String(letter.sequence), letter.deadAt.date.formatted(.iso8601), printable(letter.reason),
                String(letter.attempts), printable(letter.eventType), printable(letter.eventID),
                letter.traceID.isEmpty ? "–" : letter.traceID,
            ]
        }
        let shown = found.deadLetters.count == Int(clamping: found.total) ? "" : ", \(found.deadLetters.count) shown"
        return console.table([header] + rows, indent: 0) + "\n" + total + shown
    }

    /// What became of letters, a line each.
    func results(_ results: [Contrail_Notifications_V1_RedriveResult]) -> String {
        console.table(
            results.map { result in
                var outcome = result.outcome.word
                if result.streamSequence > 0 { outcome += ", now number \(result.streamSequence) of its stream" }
                if !result.message.isEmpty { outcome += ": " + printable(result.message) }
                return [String(result.sequence), result.eventID.isEmpty ? "–" : printable(result.eventID), outcome]
            },
            indent: 0
        )
    }

    /// The whole letter.
    func show(_ found: Contrail_Notifications_V1_GetDeadLetterResponse) -> String {
        let letter = found.deadLetter
        var story = [
            ["dead letter", console.bold(String(letter.sequence))],
            ["since", letter.deadAt.date.formatted(.iso8601)],
            ["reason", printable(letter.reason)],
        ]
        if letter.errorType != letter.reason { story.append(["error type", printable(letter.errorType)]) }
        story += [
            ["error", printable(letter.error)],
            ["attempts", String(letter.attempts)],
            ["event", "\(printable(letter.eventType))  \(printable(letter.eventID))"],
            ["came from", "\(printable(letter.stream)) number \(letter.streamSequence), \(printable(letter.subject))"],
            ["given up by", printable(letter.consumer)],
        ]
        if !letter.traceID.isEmpty { story.append(["trace", letter.traceID]) }
        let headers = found.headers.sorted { $0.key < $1.key }.map { name, value in
            [printable(name), Self.isPrivate(header: name) ? EventPayloadText.hidden : printable(value)]
        }
        let payload = EventPayloadText(type: letter.eventType, bytes: found.payload)
        return """
            \(console.table(story, indent: 0))

            \(console.bold("headers"))
            \(console.table(headers))

            \(console.bold("payload")), \(found.payload.count) bytes\(payload.isReadable ? "" : ", unreadable")
            \(payload.lines.map { "  " + printable($0) }.joined(separator: "\n"))
            """
    }

    /// The whole letter as JSON: `deadLetter`, `headers`, and `payload`, or `payloadHex` for bytes that are no event.
    func json(_ found: Contrail_Notifications_V1_GetDeadLetterResponse) throws -> String {
        let payload = EventPayloadText(type: found.deadLetter.eventType, bytes: found.payload)
        var fields: [String: Any] = [
            "deadLetter": try JSONSerialization.jsonObject(with: Data(try found.deadLetter.jsonString().utf8)),
            "headers": Dictionary(
                uniqueKeysWithValues: found.headers.map { name, value in
                    (name, Self.isPrivate(header: name) ? EventPayloadText.hidden : value)
                }
            ),
            "payloadBytes": found.payload.count,
        ]
        if let object = payload.object { fields["payload"] = object } else { fields["payloadHex"] = payload.hex }
        let data = try JSONSerialization.data(withJSONObject: fields, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }

    /// Baggage holds what callers put into it.
    private static func isPrivate(header name: String) -> Bool { name.lowercased() == "baggage" }

    private func printable(_ text: String) -> String { TerminalText.printable(text) }
}
