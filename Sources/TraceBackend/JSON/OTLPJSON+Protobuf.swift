internal import FoundationEssentials

extension OTLPJSON.ResourceSpans {
    init(_ message: OTLPResourceSpans) {
        resource = OTLPJSON.Resource(message.resource)
        scopeSpans = message.scopeSpans.map(OTLPJSON.ScopeSpans.init)
        schemaUrl = message.schemaURL.nonEmpty
    }
}

extension OTLPJSON.Resource {
    init(_ message: OTLPResource) {
        attributes = message.attributes.map(OTLPJSON.KeyValue.init).nonEmpty
        droppedAttributesCount = message.droppedAttributesCount.nonZero
    }
}

extension OTLPJSON.ScopeSpans {
    init(_ message: OTLPScopeSpans) {
        scope = OTLPJSON.Scope(message.scope)
        spans = message.spans.map(OTLPJSON.Span.init)
        schemaUrl = message.schemaURL.nonEmpty
    }
}

extension OTLPJSON.Scope {
    init(_ message: OTLPInstrumentationScope) {
        name = message.name.nonEmpty
        version = message.version.nonEmpty
        attributes = message.attributes.map(OTLPJSON.KeyValue.init).nonEmpty
        droppedAttributesCount = message.droppedAttributesCount.nonZero
    }
}

extension OTLPJSON.Span {
    init(_ message: OTLPSpan) {
        traceId = Hex.string(message.traceID)
        spanId = Hex.string(message.spanID)
        traceState = message.traceState.nonEmpty
        parentSpanId = Hex.string(message.parentSpanID).nonEmpty
        flags = message.flags.nonZero
        name = message.name.nonEmpty
        kind = message.kind == .unspecified ? nil : OTLPJSON.EnumNumber(message.kind.rawValue)
        startTimeUnixNano = OTLPJSON.UInt64Text(message.startTimeUnixNano)
        endTimeUnixNano = OTLPJSON.UInt64Text(message.endTimeUnixNano)
        attributes = message.attributes.map(OTLPJSON.KeyValue.init).nonEmpty
        droppedAttributesCount = message.droppedAttributesCount.nonZero
        events = message.events.map(OTLPJSON.Event.init).nonEmpty
        droppedEventsCount = message.droppedEventsCount.nonZero
        links = message.links.map(OTLPJSON.Link.init).nonEmpty
        droppedLinksCount = message.droppedLinksCount.nonZero
        status = OTLPJSON.Status(message.status)
    }
}

extension OTLPJSON.Event {
    init(_ message: OTLPSpanEvent) {
        timeUnixNano = OTLPJSON.UInt64Text(message.timeUnixNano)
        name = message.name.nonEmpty
        attributes = message.attributes.map(OTLPJSON.KeyValue.init).nonEmpty
        droppedAttributesCount = message.droppedAttributesCount.nonZero
    }
}

extension OTLPJSON.Link {
    init(_ message: OTLPSpanLink) {
        traceId = Hex.string(message.traceID)
        spanId = Hex.string(message.spanID)
        traceState = message.traceState.nonEmpty
        attributes = message.attributes.map(OTLPJSON.KeyValue.init).nonEmpty
        droppedAttributesCount = message.droppedAttributesCount.nonZero
        flags = message.flags.nonZero
    }
}

extension OTLPJSON.Status {
    init(_ message: OTLPStatus) {
        self.message = message.message.nonEmpty
        code = message.code == .unset ? nil : OTLPJSON.EnumNumber(message.code.rawValue)
    }
}

extension OTLPJSON.KeyValue {
    init(_ message: OTLPKeyValue) {
        key = message.key
        value = OTLPJSON.AnyValue(message.value)
    }
}

extension OTLPJSON.AnyValue {
    init(_ message: OTLPAnyValue) {
        // A member of a oneof is written even at its default: an empty text is not an absent one.
        switch message.value {
        case .stringValue(let value): stringValue = value
        case .boolValue(let value): boolValue = value
        case .intValue(let value): intValue = OTLPJSON.Int64Text(value)
        case .doubleValue(let value): doubleValue = OTLPJSON.DoubleNumber(value)
        case .arrayValue(let list):
            arrayValue = OTLPJSON.ArrayValue(values: list.values.map(OTLPJSON.AnyValue.init))
        case .kvlistValue(let list):
            kvlistValue = OTLPJSON.KeyValueList(values: list.values.map(OTLPJSON.KeyValue.init))
        case .bytesValue(let value): bytesValue = value.base64EncodedString()
        case nil: break
        }
    }
}

extension Collection {
    fileprivate var nonEmpty: Self? { isEmpty ? nil : self }
}

extension BinaryInteger {
    fileprivate var nonZero: Self? { self == 0 ? nil : self }
}
