import Foundation
import Observability
import SwiftProtobuf
import TraceBackend
import Tracing

/// The same mapping by swift-protobuf's types: slow, plain, and independent of what it checks. Without the limit of depth.
enum Reference {
    static func request(_ spans: [FinishedSpan], resource: Resource) -> OTLPExportTraceServiceRequest {
        var scopes: [InstrumentationScope] = []
        for span in spans where !scopes.contains(span.scope) { scopes.append(span.scope) }
        return .with { request in
            request.resourceSpans = [
                .with { resourceSpans in
                    resourceSpans.resource = .with { $0.attributes = pairs(resource.attributes) }
                    resourceSpans.scopeSpans = scopes.map { scope in
                        .with { scopeSpans in
                            scopeSpans.scope = .with {
                                $0.name = scope.name
                                $0.version = scope.version
                            }
                            scopeSpans.schemaURL = scope.schemaURL
                            scopeSpans.spans = spans.filter { $0.scope == scope }.map(Self.span)
                        }
                    }
                }
            ]
        }
    }

    static func span(_ span: FinishedSpan) -> OTLPSpan {
        .with {
            $0.traceID = bytes(span.context.traceID)
            $0.spanID = bytes(span.context.spanID)
            $0.traceState = span.context.traceState.header
            if let parent = span.parentSpanID { $0.parentSpanID = bytes(parent) }
            $0.name = span.name
            $0.kind =
                [.internal: .internal, .server: .server, .client: .client, .producer: .producer][span.kind] ?? .consumer
            $0.startTimeUnixNano = span.startTime
            $0.endTimeUnixNano = span.endTime
            $0.attributes = pairs(span.attributes)
            $0.droppedAttributesCount = UInt32(span.droppedAttributesCount)
            $0.events = span.events.map { event in
                .with {
                    $0.timeUnixNano = event.time
                    $0.name = event.name
                    $0.attributes = pairs(event.attributes)
                    $0.droppedAttributesCount = UInt32(event.droppedAttributesCount)
                }
            }
            $0.droppedEventsCount = UInt32(span.droppedEventsCount)
            $0.links = span.links.map { link in
                .with {
                    $0.traceID = bytes(link.context.traceID)
                    $0.spanID = bytes(link.context.spanID)
                    $0.traceState = link.context.traceState.header
                    $0.attributes = pairs(link.attributes)
                    $0.droppedAttributesCount = UInt32(link.droppedAttributesCount)
                    $0.flags = UInt32(link.context.flags.rawValue) | (link.context.isRemote ? 0x300 : 0x100)
                }
            }
            $0.droppedLinksCount = UInt32(span.droppedLinksCount)
            switch span.status {
            case .unset: break
            case .ok: $0.status = .with { $0.code = .ok }
            case .error(let message):
                $0.status = .with {
                    $0.code = .error
                    $0.message = message
                }
            }
            $0.flags = UInt32(span.context.flags.rawValue) | (span.parentIsRemote ? 0x300 : 0x100)
        }
    }

    static func pairs(_ attributes: Attributes) -> [OTLPKeyValue] {
        attributes.map { element in
            .with {
                $0.key = element.key
                $0.value = value(element.value)
            }
        }
    }

    static func value(_ value: Observability.AttributeValue) -> OTLPAnyValue {
        .with {
            switch value {
            case .string(let text): $0.stringValue = text
            case .bool(let bool): $0.boolValue = bool
            case .int(let number): $0.intValue = number
            case .double(let number): $0.doubleValue = number
            case .bytes(let bytes): $0.bytesValue = Data(bytes)
            case .array(let elements): $0.arrayValue = .with { $0.values = elements.map(Self.value) }
            case .map(let elements):
                $0.kvlistValue = .with {
                    $0.values = elements.map { element in
                        .with {
                            $0.key = element.key
                            $0.value = Self.value(element.value)
                        }
                    }
                }
            case .empty: break
            }
        }
    }

    private static func bytes(_ id: TraceID) -> Data {
        withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { Data($0) }
    }

    private static func bytes(_ id: SpanID) -> Data {
        withUnsafeBytes(of: id.value.bigEndian) { Data($0) }
    }
}
