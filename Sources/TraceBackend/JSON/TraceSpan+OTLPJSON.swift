internal import FoundationEssentials

extension TraceSpan {
    /// Makes the spans of OTLP/JSON messages.
    ///
    /// - Throws: ``TraceBackendError`` with the code `malformed` for a span without valid ids.
    static func all(in resourceSpans: [OTLPJSON.ResourceSpans]) throws(TraceBackendError) -> [TraceSpan] {
        var spans: [TraceSpan] = []
        for group in resourceSpans {
            let resource = group.resource?.attributes.dictionary ?? [:]
            let service = resource["service.name"]?.stringValue ?? "unknown_service"
            for scopeGroup in group.scopeSpans ?? [] {
                for span in scopeGroup.spans ?? [] {
                    spans.append(
                        try TraceSpan(span, service: service, scope: scopeGroup.scope?.name ?? "", resource: resource)
                    )
                }
            }
        }
        return spans
    }

    private init(
        _ span: OTLPJSON.Span,
        service: String,
        scope: String,
        resource: [String: AttributeValue]
    ) throws(TraceBackendError) {
        guard let traceID = Hex.id(span.traceId ?? "", digits: 32), let spanID = Hex.id(span.spanId ?? "", digits: 16)
        else {
            throw TraceBackendError(
                .malformed,
                "a span has the ids `\(span.traceId ?? "")` and `\(span.spanId ?? "")`, which are not hexadecimal"
            )
        }
        let parentID = span.parentSpanId.flatMap { Hex.id($0, digits: 16) }
        self.init(
            traceID: traceID,
            spanID: spanID,
            parentSpanID: parentID.flatMap { Hex.isZero($0) ? nil : $0 },
            name: span.name ?? "",
            kind: Kind(number: span.kind?.value ?? 0),
            service: service,
            scope: scope,
            startNanoseconds: span.startTimeUnixNano?.value ?? 0,
            endNanoseconds: span.endTimeUnixNano?.value ?? 0,
            attributes: span.attributes.dictionary,
            resource: resource,
            events: (span.events ?? []).map(Event.init),
            links: (span.links ?? []).compactMap(Link.init),
            status: Status(
                Status.Code(number: span.status?.code?.value ?? 0),
                message: span.status?.message ?? ""
            ),
            flags: span.flags ?? 0
        )
    }
}

extension TraceSpan.Event {
    fileprivate init(_ event: OTLPJSON.Event) {
        self.init(
            name: event.name ?? "",
            timeNanoseconds: event.timeUnixNano?.value ?? 0,
            attributes: event.attributes.dictionary
        )
    }
}

extension TraceSpan.Link {
    fileprivate init?(_ link: OTLPJSON.Link) {
        guard let traceID = Hex.id(link.traceId ?? "", digits: 32), let spanID = Hex.id(link.spanId ?? "", digits: 16)
        else { return nil }
        self.init(traceID: traceID, spanID: spanID, attributes: link.attributes.dictionary)
    }
}

extension AttributeValue {
    fileprivate init(_ value: OTLPJSON.AnyValue) {
        if let text = value.stringValue {
            self = .string(text)
        } else if let truth = value.boolValue {
            self = .bool(truth)
        } else if let number = value.intValue {
            self = .int(number.value)
        } else if let number = value.doubleValue {
            self = .double(number.value)
        } else if let list = value.arrayValue {
            self = .array((list.values ?? []).map(AttributeValue.init))
        } else if let list = value.kvlistValue {
            self = .map(list.values.dictionary)
        } else if let text = value.bytesValue, let bytes = Data(base64Encoded: text) {
            self = .bytes(Array(bytes))
        } else {
            self = .empty
        }
    }
}

extension [OTLPJSON.KeyValue]? {
    /// The pairs by key; of pairs with one key the last is kept, as OTLP's collector does.
    fileprivate var dictionary: [String: AttributeValue] {
        var values: [String: AttributeValue] = [:]
        for pair in self ?? [] {
            values[pair.key ?? ""] = pair.value.map(AttributeValue.init) ?? .empty
        }
        return values
    }
}
