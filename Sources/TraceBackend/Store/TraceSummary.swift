/// A trace in a few numbers: a row of `GET /api/v3/trace-summaries`, in the names of Jaeger 2.19.
public struct TraceSummary: Sendable, Hashable, Encodable {
    /// One service of a trace.
    public struct Service: Sendable, Hashable, Encodable {
        /// The name.
        public var name: String
        /// How many spans it made.
        public var spanCount: Int
        /// How many of them failed.
        public var errorSpanCount: Int
    }

    /// The trace id: 32 lower-case hexadecimal digits.
    public var traceID: String
    /// The service of the root span, or of the earliest span when there is no root.
    public var rootServiceName: String
    /// The name of that span.
    public var rootOperationName: String
    /// The earliest start in nanoseconds since 1970 UTC.
    public var minStartTimeUnixNano: UInt64
    /// The latest end in nanoseconds since 1970 UTC.
    public var maxEndTimeUnixNano: UInt64
    /// How many spans the trace has.
    public var spanCount: Int
    /// How many of them failed.
    public var errorSpanCount: Int
    /// The services by name.
    public var services: [Service]

    /// Creates the summary of a trace.
    public init(_ trace: Trace) {
        let root = trace.spans.first { $0.parentSpanID == nil } ?? trace.spans.first
        traceID = trace.id
        rootServiceName = root?.service ?? ""
        rootOperationName = root?.name ?? ""
        minStartTimeUnixNano = trace.startNanoseconds
        maxEndTimeUnixNano = trace.endNanoseconds
        spanCount = trace.spans.count
        errorSpanCount = trace.spans.count { $0.isError }
        services = Dictionary(grouping: trace.spans, by: \.service).map { name, spans in
            Service(name: name, spanCount: spans.count, errorSpanCount: spans.count { $0.isError })
        }.sorted { $0.name < $1.name }
    }

    private enum CodingKeys: String, CodingKey {
        case traceID = "traceId"
        case rootServiceName, rootOperationName, minStartTimeUnixNano, maxEndTimeUnixNano
        case spanCount, errorSpanCount, services
    }

    /// Writes the row with 64-bit times as texts, as protobuf's JSON does.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(traceID, forKey: .traceID)
        try container.encode(rootServiceName, forKey: .rootServiceName)
        try container.encode(rootOperationName, forKey: .rootOperationName)
        try container.encode(String(minStartTimeUnixNano), forKey: .minStartTimeUnixNano)
        try container.encode(String(maxEndTimeUnixNano), forKey: .maxEndTimeUnixNano)
        try container.encode(spanCount, forKey: .spanCount)
        try container.encode(errorSpanCount, forKey: .errorSpanCount)
        try container.encode(services, forKey: .services)
    }
}
