/// The OTLP trace messages in their JSON form (OTLP specification, "JSON Protobuf Encoding"): lowerCamelCase names,
/// ids in hexadecimal, enumerations as numbers, 64-bit integers as texts, fields at their default left out.
///
/// Protobuf's own JSON would write ids in base64, so the shape is written down here. Every field is optional because a
/// reader must take what another writer leaves out.
enum OTLPJSON {
    struct ResourceSpans: Codable {
        var resource: Resource?
        var scopeSpans: [ScopeSpans]?
        var schemaUrl: String?
    }

    struct Resource: Codable {
        var attributes: [KeyValue]?
        var droppedAttributesCount: UInt32?
    }

    struct ScopeSpans: Codable {
        var scope: Scope?
        var spans: [Span]?
        var schemaUrl: String?
    }

    struct Scope: Codable {
        var name: String?
        var version: String?
        var attributes: [KeyValue]?
        var droppedAttributesCount: UInt32?
    }

    struct Span: Codable {
        var traceId: String?
        var spanId: String?
        var traceState: String?
        var parentSpanId: String?
        var flags: UInt32?
        var name: String?
        var kind: EnumNumber?
        var startTimeUnixNano: UInt64Text?
        var endTimeUnixNano: UInt64Text?
        var attributes: [KeyValue]?
        var droppedAttributesCount: UInt32?
        var events: [Event]?
        var droppedEventsCount: UInt32?
        var links: [Link]?
        var droppedLinksCount: UInt32?
        var status: Status?
    }

    struct Event: Codable {
        var timeUnixNano: UInt64Text?
        var name: String?
        var attributes: [KeyValue]?
        var droppedAttributesCount: UInt32?
    }

    struct Link: Codable {
        var traceId: String?
        var spanId: String?
        var traceState: String?
        var attributes: [KeyValue]?
        var droppedAttributesCount: UInt32?
        var flags: UInt32?
    }

    struct Status: Codable {
        var message: String?
        var code: EnumNumber?
    }

    struct KeyValue: Codable {
        var key: String?
        var value: AnyValue?
    }

    struct AnyValue: Codable {
        var stringValue: String?
        var boolValue: Bool?
        var intValue: Int64Text?
        var doubleValue: DoubleNumber?
        var arrayValue: ArrayValue?
        var kvlistValue: KeyValueList?
        var bytesValue: String?
    }

    struct ArrayValue: Codable {
        var values: [AnyValue]?
    }

    struct KeyValueList: Codable {
        var values: [KeyValue]?
    }
}
