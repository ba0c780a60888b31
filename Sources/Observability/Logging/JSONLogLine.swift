internal import Logging

/// Formats a log line as one JSON object.
///
/// The keys of the line come first: `timestamp`, `severity_text`, `severity_number`, `message`, `logger`,
/// `service_name`, and `trace_id`, `span_id` and `trace_flags` when there is a trace. Metadata follows beside them, in
/// the order of its keys; a key that the line uses itself gets the prefix `attributes.`. Implements the OpenTelemetry
/// "Trace context in non-OTLP log formats" and the severities of the logs data model.
enum JSONLogLine {
    private static let ownKeys: Set<String> = [
        "timestamp", "severity_text", "severity_number", "message", "logger", "service_name",
        "trace_id", "span_id", "trace_flags",
    ]

    static func format(_ record: LogRecord) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(512)
        line.append("{\"timestamp\":\"")
        LogTimestamp(record.time).appendDateAndTime(to: &line)
        line.append("\",\"severity_text\":\"")
        line.append(record.level.rawValue)
        line.append("\",\"severity_number\":")
        line.append(String(record.level.severityNumber))
        append(key: "message", string: record.message, to: &line)
        append(key: "logger", string: record.label, to: &line)
        if !record.serviceName.isEmpty { append(key: "service_name", string: record.serviceName, to: &line) }
        if let context = record.spanContext {
            append(key: "trace_id", string: context.traceID.hex, to: &line)
            append(key: "span_id", string: context.spanID.hex, to: &line)
            append(key: "trace_flags", string: String(UInt64(context.flags.rawValue).lowerHex.suffix(2)), to: &line)
        }
        var collisions: [(String, Logger.MetadataValue)] = []
        for (key, value) in record.metadata {
            if ownKeys.contains(key) {
                collisions.append((key, value))
            } else {
                append(key: key, value: value, to: &line)
            }
        }
        for (key, value) in collisions {
            var prefixed = "attributes." + key
            while record.metadata.contains(where: { $0.key == prefixed }) { prefixed = "attributes." + prefixed }
            append(key: prefixed, value: value, to: &line)
        }
        line.append("}\n")
        return line
    }

    static func append(key: String, string: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: ","))
        appendString(key, to: &line)
        line.append(UInt8(ascii: ":"))
        appendString(string, to: &line)
    }

    static func append(key: String, value: Logger.MetadataValue, to line: inout [UInt8]) {
        line.append(UInt8(ascii: ","))
        appendString(key, to: &line)
        line.append(UInt8(ascii: ":"))
        append(value, to: &line)
    }

    private static func append(_ value: Logger.MetadataValue, to line: inout [UInt8]) {
        switch value {
        case .string(let text):
            appendString(text, to: &line)
        case .stringConvertible(let value):
            // Numbers and truth values stay what they are, so that a log store can compare them.
            switch value {
            case let value as Bool: line.append(value ? "true" : "false")
            case let value as any FixedWidthInteger: line.append(value.description)
            case let value as Double where value.isFinite: line.append(value.description)
            default: appendString(value.description, to: &line)
            }
        case .array(let values):
            line.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { line.append(UInt8(ascii: ",")) }
                append(value, to: &line)
            }
            line.append(UInt8(ascii: "]"))
        case .dictionary(let values):
            line.append(UInt8(ascii: "{"))
            for (index, (key, value)) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { line.append(UInt8(ascii: ",")) }
                appendString(key, to: &line)
                line.append(UInt8(ascii: ":"))
                append(value, to: &line)
            }
            line.append(UInt8(ascii: "}"))
        }
    }

    /// Writes a string as RFC 8259 asks for, and escapes what some readers of lines take for the end of one.
    static func appendString(_ text: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        if text.utf8.allSatisfy(isPlain) {
            line.append(text)
        } else {
            for scalar in text.unicodeScalars { appendEscaped(scalar, to: &line) }
        }
        line.append(UInt8(ascii: "\""))
    }

    /// Whether a byte never needs an escape: printable ASCII but quotes and backslashes.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private static func appendEscaped(_ scalar: Unicode.Scalar, to line: inout [UInt8]) {
        switch scalar {
        case "\"": line.append("\\\"")
        case "\\": line.append("\\\\")
        case "\n": line.append("\\n")
        case "\r": line.append("\\r")
        case "\t": line.append("\\t")
        case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
            line.append("\\u")
            line.append(contentsOf: UInt64(scalar.value).lowerHex.utf8.suffix(4))
        default:
            line.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }
}
