internal import Logging

/// Formats a log line for people: time (UTC), level, logger, message, metadata, trace.
///
/// Control characters are shown as escapes, so that a line stays a line and data cannot steer a terminal.
struct TextLogLine {
    /// The width that logger names are filled up to.
    private static let labelWidth = 14

    let isColored: Bool

    func format(_ record: LogRecord) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        colored(.dim, in: &line) { LogTimestamp(record.time).appendTime(to: &$0) }
        line.append(" ")
        let level = record.level.shortName
        colored(record.level.color, in: &line) { $0.append(level) }
        pad(&line, by: 6 - level.utf8.count)
        line.append("  ")
        appendEscaped(record.label, to: &line)
        pad(&line, by: Self.labelWidth - record.label.count)
        line.append("  ")
        appendEscaped(record.message, to: &line)
        for (key, value) in record.metadata {
            line.append("  ")
            colored(.dim, in: &line) { line in
                appendEscaped(key, to: &line)
                line.append("=")
            }
            append(value, to: &line)
        }
        if let context = record.spanContext {
            line.append("  ")
            colored(.dim, in: &line) { line in
                line.append("trace=")
                line.append(context.traceID.hex)
            }
        }
        line.append("\n")
        return line
    }

    private func append(_ value: Logger.MetadataValue, to line: inout [UInt8]) {
        switch value {
        case .string(let text):
            appendQuoted(text, to: &line)
        case .stringConvertible(let value):
            appendQuoted(value.description, to: &line)
        case .array(let values):
            line.append("[")
            for (index, value) in values.enumerated() {
                if index > 0 { line.append(", ") }
                append(value, to: &line)
            }
            line.append("]")
        case .dictionary(let values):
            line.append("{")
            for (index, (key, value)) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { line.append(", ") }
                appendEscaped(key, to: &line)
                line.append("=")
                append(value, to: &line)
            }
            line.append("}")
        }
    }

    /// Writes a value, in quotes when it would not be one word otherwise.
    private func appendQuoted(_ text: String, to line: inout [UInt8]) {
        let needsQuotes = text.isEmpty || text.utf8.contains { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\"") }
        if needsQuotes { line.append("\"") }
        for (index, part) in text.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
            if index > 0 { line.append("\\\"") }
            appendEscaped(String(part), to: &line)
        }
        if needsQuotes { line.append("\"") }
    }

    private func appendEscaped(_ text: String, to line: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": line.append("\\n")
            case "\r": line.append("\\r")
            case "\t": line.append("\\t")
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                line.append("\\u{\(String(scalar.value, radix: 16))}")
            default:
                line.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }

    private func pad(_ line: inout [UInt8], by count: Int) {
        for _ in 0..<max(0, count) { line.append(UInt8(ascii: " ")) }
    }

    private func colored(_ color: Color, in line: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
        if isColored { line.append("\u{1B}[\(color.rawValue)m") }
        body(&line)
        if isColored { line.append("\u{1B}[0m") }
    }

    /// The parameter of the ANSI sequence.
    fileprivate enum Color: Int {
        case dim = 2
        case red = 31
        case green = 32
        case yellow = 33
        case cyan = 36
        case alarm = 41
    }
}

extension Logger.Level {
    /// The name, shortened to six letters.
    fileprivate var shortName: String {
        switch self {
        case .warning: "warn"
        case .critical: "crit"
        case .trace, .debug, .info, .notice, .error: rawValue
        }
    }

    fileprivate var color: TextLogLine.Color {
        switch self {
        case .trace, .debug: .dim
        case .info: .green
        case .notice: .cyan
        case .warning: .yellow
        case .error: .red
        case .critical: .alarm
        }
    }
}
