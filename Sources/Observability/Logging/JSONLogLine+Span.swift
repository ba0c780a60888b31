internal import Tracing

extension JSONLogLine {
    /// Formats a span as one JSON object, with the same keys for time, name and trace as a log line.
    static func format(_ span: FinishedSpan, serviceName: String) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(512)
        line.append("{\"timestamp\":\"")
        LogTimestamp(span.startTime).appendDateAndTime(to: &line)
        line.append("\",\"duration_ns\":\(span.endTime - min(span.startTime, span.endTime))")
        append(key: "span", string: span.name, to: &line)
        append(key: "kind", string: "\(span.kind)", to: &line)
        append(key: "service_name", string: serviceName, to: &line)
        append(key: "trace_id", string: span.context.traceID.hex, to: &line)
        append(key: "span_id", string: span.context.spanID.hex, to: &line)
        append(key: "trace_flags", string: String(UInt64(span.context.flags.rawValue).lowerHex.suffix(2)), to: &line)
        if let parent = span.parentSpanID { append(key: "parent_span_id", string: parent.hex, to: &line) }
        switch span.status {
        case .unset: break
        case .ok: append(key: "status", string: "ok", to: &line)
        case .error(let text):
            append(key: "status", string: "error", to: &line)
            if !text.isEmpty { append(key: "status_description", string: text, to: &line) }
        }
        append(key: "scope", string: span.scope.name, to: &line)
        append(key: "attributes", span.attributes, to: &line)
        appendList("events", span.events, to: &line) { event, line in
            line.append("{\"timestamp\":\"")
            LogTimestamp(event.time).appendDateAndTime(to: &line)
            line.append("\"")
            append(key: "name", string: event.name, to: &line)
            append(key: "attributes", event.attributes, to: &line)
            line.append("}")
        }
        appendList("links", span.links, to: &line) { link, line in
            line.append("{\"trace_id\":\"\(link.context.traceID.hex)\"")
            append(key: "span_id", string: link.context.spanID.hex, to: &line)
            append(key: "attributes", link.attributes, to: &line)
            line.append("}")
        }
        line.append("}\n")
        return line
    }

    private static func appendList<Element>(
        _ key: String,
        _ elements: [Element],
        to line: inout [UInt8],
        _ append: (Element, inout [UInt8]) -> Void
    ) {
        guard !elements.isEmpty else { return }
        line.append(",\"\(key)\":[")
        for (index, element) in elements.enumerated() {
            if index > 0 { line.append(",") }
            append(element, &line)
        }
        line.append("]")
    }

    private static func append(key: String, _ attributes: Attributes, to line: inout [UInt8]) {
        guard !attributes.isEmpty else { return }
        line.append(",\"\(key)\":")
        append(attributes, to: &line)
    }

    private static func append(_ attributes: Attributes, to line: inout [UInt8]) {
        line.append("{")
        for (index, attribute) in attributes.enumerated() {
            if index > 0 { line.append(",") }
            appendString(attribute.key, to: &line)
            line.append(":")
            append(attribute.value, to: &line)
        }
        line.append("}")
    }

    private static func append(_ value: AttributeValue, to line: inout [UInt8]) {
        switch value {
        case .string(let text): appendString(text, to: &line)
        case .bool(let bool): line.append(bool ? "true" : "false")
        case .int(let number): line.append(number.description)
        case .double(let number) where number.isFinite: line.append(number.description)
        case .double(let number): appendString(number.description, to: &line)
        case .bytes(let bytes):
            let hex = bytes.map { String(UInt64($0).lowerHex.suffix(2)) }
            appendString(hex.joined(), to: &line)
        case .array(let values):
            line.append("[")
            for (index, value) in values.enumerated() {
                if index > 0 { line.append(",") }
                append(value, to: &line)
            }
            line.append("]")
        case .map(let values): append(values, to: &line)
        case .empty: line.append("null")
        }
    }
}
