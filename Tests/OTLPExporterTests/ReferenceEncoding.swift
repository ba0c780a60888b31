import Foundation
import Observability
import SwiftProtobuf
import TestKit
import TraceBackend
import Tracing

/// The same mapping by swift-protobuf's types: slow, plain, and independent of what it checks.
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

/// Spans with every field, at its edges as often as between them.
enum RandomSpan {
    static func make(using random: inout SeededGenerator) -> FinishedSpan {
        let start = random.next() >> 2
        return FinishedSpan(
            context: context(using: &random),
            parentSpanID: Bool.random(using: &random) ? SpanID(random.next() | 1) : nil,
            parentIsRemote: Bool.random(using: &random),
            name: text(using: &random),
            kind: [.internal, .server, .client, .producer, .consumer].randomElement(using: &random) ?? .internal,
            startTime: start,
            endTime: start + random.next() >> 30,
            attributes: attributes(using: &random, depth: 0),
            droppedAttributesCount: count(using: &random),
            events: (0..<Int.random(in: 0...3, using: &random)).map { _ in
                OTelSpan.Event(
                    name: text(using: &random),
                    time: random.next(),
                    attributes: attributes(using: &random, depth: 0),
                    droppedAttributesCount: count(using: &random)
                )
            },
            droppedEventsCount: count(using: &random),
            links: (0..<Int.random(in: 0...3, using: &random)).map { _ in
                OTelSpan.Link(
                    context: context(using: &random),
                    attributes: attributes(using: &random, depth: 0),
                    droppedAttributesCount: count(using: &random)
                )
            },
            droppedLinksCount: count(using: &random),
            status: [.unset, .ok, .error(""), .error(text(using: &random))].randomElement(using: &random) ?? .unset,
            scope: InstrumentationScope(
                name: ["", "a", "b"].randomElement(using: &random) ?? "",
                version: ["", "1"].randomElement(using: &random) ?? ""
            )
        )
    }

    static func attributes(using random: inout SeededGenerator, depth: Int) -> Attributes {
        var attributes = Attributes()
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            attributes["k" + text(using: &random)] = value(using: &random, depth: depth)
        }
        return attributes
    }

    private static func value(using random: inout SeededGenerator, depth: Int) -> Observability.AttributeValue {
        let edges: [Int64] = [0, 1, -1, .max, .min, Int64(bitPattern: random.next())]
        return switch Int.random(in: 0...(depth > 3 ? 4 : 5), using: &random) {
        case 0: .string(text(using: &random))
        case 1: .bool(Bool.random(using: &random))
        case 2: Observability.AttributeValue(integerLiteral: edges[Int.random(in: 0..<edges.count, using: &random)])
        case 3: .double(([0, -0.0, .infinity, .nan, 0.1] as [Double]).randomElement(using: &random) ?? 0)
        case 4:
            .bytes((0..<Int.random(in: 0...20, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) })
        default:
            .array((0..<Int.random(in: 0...4, using: &random)).map { _ in value(using: &random, depth: depth + 1) })
        }
    }

    /// No zero bytes: those are the one thing that the two encoders treat differently.
    private static func text(using random: inout SeededGenerator) -> String {
        let length = [0, 1, 15, 16, 127, 128, 300].randomElement(using: &random) ?? 0
        return String((0..<length).map { _ in "aé€😀\u{1}~".randomElement(using: &random) ?? "a" })
    }

    private static func context(using random: inout SeededGenerator) -> SpanContext {
        SpanContext(
            traceID: TraceID(high: random.next(), low: random.next() | 1),
            spanID: SpanID(random.next() | 1),
            flags: TraceFlags(rawValue: UInt8.random(in: 0...3, using: &random)),
            traceState: Bool.random(using: &random)
                ? TraceState(headerLines: ["a=1,b=2"]) ?? TraceState() : TraceState(),
            isRemote: Bool.random(using: &random)
        )
    }

    private static func count(using random: inout SeededGenerator) -> Int {
        [0, 0, 1, 127, 128, Int(UInt32.max)].randomElement(using: &random) ?? 0
    }
}
