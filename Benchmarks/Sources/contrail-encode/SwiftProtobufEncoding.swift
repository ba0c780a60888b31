internal import Foundation
internal import OTLPMessages
internal import Observability
internal import SwiftProtobuf
internal import Tracing

/// What an exporter on swift-protobuf does: messages from spans, with what the batch of T5 has in them.
enum SwiftProtobufEncoding {
    static func request(_ spans: [FinishedSpan], resource: Resource) -> OTLPExportTraceServiceRequest {
        var scopeSpans = OTLPScopeSpans()
        scopeSpans.spans = spans.map(span)
        if let scope = spans.first?.scope {
            scopeSpans.scope.name = scope.name
            scopeSpans.scope.version = scope.version
            scopeSpans.schemaURL = scope.schemaURL
        }
        var resourceSpans = OTLPResourceSpans()
        resourceSpans.resource.attributes = pairs(resource.attributes)
        resourceSpans.scopeSpans = [scopeSpans]
        var request = OTLPExportTraceServiceRequest()
        request.resourceSpans = [resourceSpans]
        return request
    }

    private static func span(_ span: FinishedSpan) -> OTLPSpan {
        var message = OTLPSpan()
        message.traceID = bytes([span.context.traceID.high, span.context.traceID.low])
        message.spanID = bytes([span.context.spanID.value])
        if let parent = span.parentSpanID { message.parentSpanID = bytes([parent.value]) }
        message.name = span.name
        message.kind = kind(span.kind)
        message.startTimeUnixNano = span.startTime
        message.endTimeUnixNano = span.endTime
        message.attributes = pairs(span.attributes)
        message.flags = UInt32(span.context.flags.rawValue) | 0x100 | (span.parentIsRemote ? 0x200 : 0)
        return message
    }

    private static func kind(_ kind: SpanKind) -> OTLPSpanKind {
        switch kind {
        case .internal: .internal
        case .server: .server
        case .client: .client
        case .producer: .producer
        case .consumer: .consumer
        }
    }

    private static func bytes(_ words: [UInt64]) -> Data {
        var data = Data(capacity: words.count * 8)
        for word in words { withUnsafeBytes(of: word.bigEndian) { data.append(contentsOf: $0) } }
        return data
    }

    private static func pairs(_ attributes: Attributes) -> [OTLPKeyValue] {
        attributes.map { element in
            var pair = OTLPKeyValue()
            pair.key = element.key
            pair.value = value(element.value)
            return pair
        }
    }

    private static func value(_ value: AttributeValue) -> OTLPAnyValue {
        var message = OTLPAnyValue()
        switch value {
        case .string(let text): message.stringValue = text
        case .bool(let bool): message.boolValue = bool
        case .int(let number): message.intValue = number
        case .double(let number): message.doubleValue = number
        case .bytes(let bytes): message.bytesValue = Data(bytes)
        case .array(let values): message.arrayValue.values = values.map(Self.value)
        case .map(let values): message.kvlistValue.values = pairs(values)
        case .empty: break
        }
        return message
    }
}
