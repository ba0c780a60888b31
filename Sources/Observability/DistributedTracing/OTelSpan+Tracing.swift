public import Tracing

extension OTelSpan: Tracing.Span {
    /// The context in which children are started: the one that the span was started in, with the span.
    public var context: InstrumentationContext {
        var context = startedIn ?? InstrumentationContext.current ?? .topLevel
        context.active = ActiveContext(self)
        return context
    }

    private var startedIn: InstrumentationContext? {
        guard let record else { return nil }
        // Locked while the span runs: its end may take the context away.
        return record.read { _ in record.standardContext }
    }

    /// The name.
    public var operationName: String {
        get { name }
        nonmutating set { name = newValue }
    }

    /// Sets the status; a status without a message has an empty description.
    public func setStatus(_ status: SpanStatus) {
        switch status.code {
        case .ok: setStatus(Status.ok)
        case .error: setStatus(Status.error(status.message ?? ""))
        }
    }

    /// Adds an event.
    public func addEvent(_ event: SpanEvent) {
        addEvent(event.name, attributes: Attributes(event.attributes), at: event.nanosecondsSinceEpoch)
    }

    /// Records an exception event with the error's type; its text may hold personal data and stays out.
    public func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        var details: Attributes = [
            SemanticConventions.exceptionType: .string(String(reflecting: type(of: error)))
        ]
        details.merge(Attributes(attributes))
        addEvent("exception", attributes: details, at: instant().nanosecondsSinceEpoch)
    }

    /// The attributes in the standard API's form. Reading answers what was set; writing replaces by name.
    ///
    /// What is written is kept in that form and converted after the end of the span, by who exports it. From the end on
    /// there is nothing to read.
    public var attributes: SpanAttributes {
        get {
            var recorded: Attributes?
            // Not after the end: then they belong to the exporter, which converts what was written.
            record?.change { recorded = $0.attributes }
            guard let record, let recorded else { return SpanAttributes() }
            var attributes = SpanAttributes()
            for element in recorded { attributes[element.key] = element.value.spanAttribute }
            attributes.merge(record.standardAttributes.copy())
            return attributes
        }
        nonmutating _modify {
            guard let record, record.isOpen else {
                var ignored = SpanAttributes()
                yield &ignored
                return
            }
            var written = record.standardAttributes.take()
            yield &written
            // Also when the span has ended meanwhile: what was written before must not be lost.
            record.standardAttributes.put(written)
        }
    }

    /// Adds a link to the span of a context.
    public func addLink(_ link: SpanLink) {
        guard let context = link.context.active?.spanContext else { return }
        addLink(Link(context: context, attributes: Attributes(link.attributes)))
    }

    /// Ends the span.
    public func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) {
        end(at: instant().nanosecondsSinceEpoch)
    }
}

extension Attributes {
    /// Converts the standard API's attributes; kinds that it knows and we do not become text.
    init(_ attributes: SpanAttributes) {
        self.init()
        // `SpanAttributes` is no sequence; this is its only way to read all.
        // swift-format-ignore: ReplaceForEachWithForLoop
        attributes.forEach { key, value in
            self[key] = AttributeValue(value)
        }
    }
}

extension AttributeValue {
    init(_ value: SpanAttribute) {
        switch value {
        case .int32(let value): self = .int(value)
        case .int64(let value): self = .int(value)
        case .int32Array(let values): self = .array(values.map { .int($0) })
        case .int64Array(let values): self = .array(values.map { .int($0) })
        case .double(let value): self = .double(value)
        case .doubleArray(let values): self = .array(values.map { .double($0) })
        case .bool(let value): self = .bool(value)
        case .boolArray(let values): self = .array(values.map { .bool($0) })
        case .string(let value): self = .string(value)
        case .stringArray(let values): self = .array(values.map { .string($0) })
        case .stringConvertible(let value): self = .string(value.description)
        case .stringConvertibleArray(let values): self = .array(values.map { .string($0.description) })
        default: self = .string("")
        }
    }

    var spanAttribute: SpanAttribute {
        switch self {
        case .string(let value): .string(value)
        case .bool(let value): .bool(value)
        case .int(let value): .int64(value)
        case .double(let value): .double(value)
        // The standard API has neither bytes, maps nor lists of mixed kinds: they can be read as text only.
        case .bytes(let value): .string(Self.hex(value))
        case .map, .empty: .string(text)
        case .array(let values): Self.spanAttribute(of: values)
        }
    }

    private static func spanAttribute(of values: [AttributeValue]) -> SpanAttribute {
        let integers = values.compactMap { if case .int(let value) = $0 { value } else { nil } }
        if integers.count == values.count, !values.isEmpty { return .int64Array(integers) }
        let doubles = values.compactMap { if case .double(let value) = $0 { value } else { nil } }
        if doubles.count == values.count, !values.isEmpty { return .doubleArray(doubles) }
        let booleans = values.compactMap { if case .bool(let value) = $0 { value } else { nil } }
        if booleans.count == values.count, !values.isEmpty { return .boolArray(booleans) }
        return .stringArray(values.map(\.text))
    }

    private var text: String {
        switch self {
        case .string(let value): value
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .bytes(let value): Self.hex(value)
        case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
        case .map(let values): "{" + values.map { "\($0.key): \($0.value.text)" }.joined(separator: ", ") + "}"
        case .empty: ""
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
