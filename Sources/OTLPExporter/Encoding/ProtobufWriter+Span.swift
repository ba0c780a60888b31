internal import Observability
internal import Tracing

/// `Span`, `Span.Event`, `Span.Link` and `Status` of OTLP 1.11, "trace.proto", fields in the order of their numbers.
extension ProtobufWriter {
    private enum SpanTag {
        static let traceID: UInt8 = 0x0A
        static let spanID: UInt8 = 0x12
        static let traceState: UInt8 = 0x1A
        static let parentSpanID: UInt8 = 0x22
        static let name: UInt8 = 0x2A
        static let kind: UInt8 = 0x30
        static let startTime: UInt8 = 0x39
        static let endTime: UInt8 = 0x41
        static let attributes: UInt8 = 0x4A
        static let droppedAttributes: UInt8 = 0x50
        static let events: UInt8 = 0x5A
        static let droppedEvents: UInt8 = 0x60
        static let links: UInt8 = 0x6A
        static let droppedLinks: UInt8 = 0x70
        static let status: UInt8 = 0x7A
        /// Field 16, whose tag has two bytes: 85 01.
        static let flags: UInt16 = 0x0185
    }

    private enum EventTag {
        static let time: UInt8 = 0x09
        static let name: UInt8 = 0x12
        static let attributes: UInt8 = 0x1A
        static let droppedAttributes: UInt8 = 0x20
    }

    private enum LinkTag {
        static let traceID: UInt8 = 0x0A
        static let spanID: UInt8 = 0x12
        static let traceState: UInt8 = 0x1A
        static let attributes: UInt8 = 0x22
        static let droppedAttributes: UInt8 = 0x28
        static let flags: UInt8 = 0x35
    }

    private enum StatusTag {
        static let message: UInt8 = 0x12
        static let code: UInt8 = 0x18
    }

    /// More than the tags and values of fixed size that are written in one go.
    private static let fixedPart = 64

    /// Writes one span.
    mutating func span(_ tag: UInt8, _ span: borrowing Borrowed<FinishedSpan>) {
        let message = begin(tag, lengthWidth: 2)
        reserve(Self.fixedPart)
        identifiers(SpanTag.traceID, span.value.context.traceID, SpanTag.spanID, span.value.context.spanID)
        field(SpanTag.traceState, nonEmpty: span.value.context.traceState.header)
        reserve(Self.fixedPart)
        if let parent = span.value.parentSpanID {
            put(SpanTag.parentSpanID)
            put(8)
            put(bigEndian: parent.value)
        }
        field(SpanTag.name, nonEmpty: span.value.name)
        reserve(Self.fixedPart)
        put(SpanTag.kind)
        put(Self.number(span.value.kind))
        fixed64(SpanTag.startTime, span.value.startTime)
        fixed64(SpanTag.endTime, span.value.endTime)
        attributes(SpanTag.attributes, span.value.attributes)
        field(SpanTag.droppedAttributes, nonZero: Self.count(span.value.droppedAttributesCount))
        for event in span.value.events { self.event(event) }
        field(SpanTag.droppedEvents, nonZero: Self.count(span.value.droppedEventsCount))
        for link in span.value.links { self.link(link) }
        field(SpanTag.droppedLinks, nonZero: Self.count(span.value.droppedLinksCount))
        switch span.value.status {
        case .unset: break
        case .ok: status(code: 1)
        case .error(let description): status(code: 2, description)
        }
        reserve(Self.fixedPart)
        put(littleEndian: SpanTag.flags)
        put(littleEndian: Self.flags(span.value.context.flags, isRemote: span.value.parentIsRemote))
        end(message)
    }

    @inline(never)
    private mutating func event(_ event: OTelSpan.Event) {
        let message = begin(SpanTag.events, lengthWidth: 1)
        reserve(Self.fixedPart)
        fixed64(EventTag.time, event.time)
        field(EventTag.name, nonEmpty: event.name)
        attributes(EventTag.attributes, event.attributes)
        field(EventTag.droppedAttributes, nonZero: Self.count(event.droppedAttributesCount))
        end(message)
    }

    @inline(never)
    private mutating func link(_ link: OTelSpan.Link) {
        let message = begin(SpanTag.links, lengthWidth: 1)
        reserve(Self.fixedPart)
        identifiers(LinkTag.traceID, link.context.traceID, LinkTag.spanID, link.context.spanID)
        field(LinkTag.traceState, nonEmpty: link.context.traceState.header)
        attributes(LinkTag.attributes, link.attributes)
        field(LinkTag.droppedAttributes, nonZero: Self.count(link.droppedAttributesCount))
        reserve(Self.fixedPart)
        put(LinkTag.flags)
        put(littleEndian: Self.flags(link.context.flags, isRemote: link.context.isRemote))
        end(message)
    }

    /// Writes a status that is set; an unset one is left out.
    @inline(never)
    private mutating func status(code: UInt64, _ description: String = "") {
        let message = begin(SpanTag.status, lengthWidth: 1)
        field(StatusTag.message, nonEmpty: description)
        field(StatusTag.code, nonZero: code)
        end(message)
    }

    @inline(__always)
    private mutating func identifiers(_ traceTag: UInt8, _ traceID: TraceID, _ spanTag: UInt8, _ spanID: SpanID) {
        put(traceTag)
        put(16)
        put(bigEndian: traceID.high)
        put(bigEndian: traceID.low)
        put(spanTag)
        put(8)
        put(bigEndian: spanID.value)
    }

    @inline(__always)
    private mutating func fixed64(_ tag: UInt8, _ number: UInt64) {
        guard number != 0 else { return }
        put(tag)
        put(littleEndian: number)
    }

    @inline(__always)
    private static func count(_ count: Int) -> UInt64 { UInt64(UInt32(clamping: count)) }

    /// The W3C byte, 0x100 for "it is known whether it is remote", and 0x200 for "it is".
    @inline(__always)
    private static func flags(_ flags: TraceFlags, isRemote: Bool) -> UInt32 {
        UInt32(flags.rawValue) | (isRemote ? 0x300 : 0x100)
    }

    @inline(__always)
    private static func number(_ kind: SpanKind) -> UInt8 {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }
}
