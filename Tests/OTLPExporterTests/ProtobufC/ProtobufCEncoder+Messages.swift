import COTLP
import CProtobufC
import Observability
import Tracing

typealias CRequest = Contrail__Otlp__V1__ExportTraceServiceRequest
typealias CResourceSpans = Contrail__Otlp__V1__ResourceSpans
typealias CScopeSpans = Contrail__Otlp__V1__ScopeSpans
typealias CScope = Contrail__Otlp__V1__InstrumentationScope
typealias CResource = Contrail__Otlp__V1__Resource
typealias CSpan = Contrail__Otlp__V1__Span
typealias CEvent = Contrail__Otlp__V1__SpanEvent
typealias CLink = Contrail__Otlp__V1__SpanLink
typealias CStatus = Contrail__Otlp__V1__Status

/// The bits of `Span.flags` and `Span.Link.flags` above the W3C byte.
private enum SpanFlags {
    static let isRemoteIsKnown: UInt32 = 0x100
    static let isRemote: UInt32 = 0x200

    static func encode(_ flags: TraceFlags, isRemote: Bool) -> UInt32 {
        UInt32(flags.rawValue) | isRemoteIsKnown | (isRemote ? self.isRemote : 0)
    }
}

extension ProtobufCEncoder {
    func makeSpan(_ span: FinishedSpan) -> UnsafeMutablePointer<CSpan> {
        let message = arena.allocate(CSpan.self, count: 1)
        contrail__otlp__v1__span__init(message)
        message.pointee.trace_id = identifier(span.context.traceID)
        message.pointee.span_id = identifier(span.context.spanID)
        if !span.context.traceState.isEmpty { message.pointee.trace_state = text(span.context.traceState.header) }
        if let parent = span.parentSpanID { message.pointee.parent_span_id = identifier(parent) }
        message.pointee.name = text(span.name)
        message.pointee.kind = kind(span.kind)
        message.pointee.start_time_unix_nano = span.startTime
        message.pointee.end_time_unix_nano = span.endTime
        message.pointee.n_attributes = span.attributes.count
        message.pointee.attributes = makeAttributes(span.attributes)
        message.pointee.dropped_attributes_count = UInt32(clamping: span.droppedAttributesCount)
        if !span.events.isEmpty {
            message.pointee.n_events = span.events.count
            message.pointee.events = makeEvents(span.events)
        }
        message.pointee.dropped_events_count = UInt32(clamping: span.droppedEventsCount)
        if !span.links.isEmpty {
            message.pointee.n_links = span.links.count
            message.pointee.links = makeLinks(span.links)
        }
        message.pointee.dropped_links_count = UInt32(clamping: span.droppedLinksCount)
        message.pointee.status = makeStatus(span.status)
        message.pointee.flags = SpanFlags.encode(span.context.flags, isRemote: span.parentIsRemote)
        return message
    }

    func makeScope(_ scope: InstrumentationScope) -> UnsafeMutablePointer<CScope> {
        let message = arena.allocate(CScope.self, count: 1)
        contrail__otlp__v1__instrumentation_scope__init(message)
        message.pointee.name = text(scope.name)
        message.pointee.version = text(scope.version)
        return message
    }

    func makeResource(_ resource: Resource) -> UnsafeMutablePointer<CResource> {
        let message = arena.allocate(CResource.self, count: 1)
        contrail__otlp__v1__resource__init(message)
        message.pointee.n_attributes = resource.attributes.count
        message.pointee.attributes = makeAttributes(resource.attributes)
        return message
    }

    private func makeEvents(_ events: [OTelSpan.Event]) -> UnsafeMutablePointer<UnsafeMutablePointer<CEvent>?> {
        let list = arena.allocate(UnsafeMutablePointer<CEvent>?.self, count: events.count)
        let messages = arena.allocate(CEvent.self, count: events.count)
        for (index, event) in events.enumerated() {
            let message = messages + index
            contrail__otlp__v1__span_event__init(message)
            message.pointee.time_unix_nano = event.time
            message.pointee.name = text(event.name)
            message.pointee.n_attributes = event.attributes.count
            message.pointee.attributes = makeAttributes(event.attributes)
            message.pointee.dropped_attributes_count = UInt32(clamping: event.droppedAttributesCount)
            list[index] = message
        }
        return list
    }

    private func makeLinks(_ links: [OTelSpan.Link]) -> UnsafeMutablePointer<UnsafeMutablePointer<CLink>?> {
        let list = arena.allocate(UnsafeMutablePointer<CLink>?.self, count: links.count)
        let messages = arena.allocate(CLink.self, count: links.count)
        for (index, link) in links.enumerated() {
            let message = messages + index
            contrail__otlp__v1__span_link__init(message)
            message.pointee.trace_id = identifier(link.context.traceID)
            message.pointee.span_id = identifier(link.context.spanID)
            message.pointee.trace_state = text(link.context.traceState.header)
            message.pointee.n_attributes = link.attributes.count
            message.pointee.attributes = makeAttributes(link.attributes)
            message.pointee.dropped_attributes_count = UInt32(clamping: link.droppedAttributesCount)
            message.pointee.flags = SpanFlags.encode(link.context.flags, isRemote: link.context.isRemote)
            list[index] = message
        }
        return list
    }

    /// An unset status is left out.
    private func makeStatus(_ status: OTelSpan.Status) -> UnsafeMutablePointer<CStatus>? {
        let code: Contrail__Otlp__V1__StatusCode
        var description = ""
        switch status {
        case .unset: return nil
        case .ok: code = CONTRAIL__OTLP__V1__STATUS_CODE__STATUS_CODE_OK
        case .error(let text):
            code = CONTRAIL__OTLP__V1__STATUS_CODE__STATUS_CODE_ERROR
            description = text
        }
        let message = arena.allocate(CStatus.self, count: 1)
        contrail__otlp__v1__status__init(message)
        message.pointee.code = code
        message.pointee.message = text(description)
        return message
    }

    private func kind(_ kind: SpanKind) -> Contrail__Otlp__V1__SpanKind {
        switch kind {
        case .internal: CONTRAIL__OTLP__V1__SPAN_KIND__SPAN_KIND_INTERNAL
        case .server: CONTRAIL__OTLP__V1__SPAN_KIND__SPAN_KIND_SERVER
        case .client: CONTRAIL__OTLP__V1__SPAN_KIND__SPAN_KIND_CLIENT
        case .producer: CONTRAIL__OTLP__V1__SPAN_KIND__SPAN_KIND_PRODUCER
        case .consumer: CONTRAIL__OTLP__V1__SPAN_KIND__SPAN_KIND_CONSUMER
        }
    }

    private func identifier(_ id: TraceID) -> ProtobufCBinaryData {
        let halves = arena.allocate(UInt64.self, count: 2)
        halves[0] = id.high.bigEndian
        halves[1] = id.low.bigEndian
        return ProtobufCBinaryData(len: 16, data: UnsafeMutableRawPointer(halves).assumingMemoryBound(to: UInt8.self))
    }

    private func identifier(_ id: SpanID) -> ProtobufCBinaryData {
        let value = arena.allocate(UInt64.self, count: 1)
        value.pointee = id.value.bigEndian
        return ProtobufCBinaryData(len: 8, data: UnsafeMutableRawPointer(value).assumingMemoryBound(to: UInt8.self))
    }
}
