internal import FoundationEssentials

/// A trace: all spans with one trace id, wherever they came from.
public struct Trace: Sendable, Hashable, Encodable {
    /// The trace id: 32 lower-case hexadecimal digits.
    public let id: String
    /// The spans in order of their start; no two have one span id.
    public let spans: [TraceSpan]

    /// Creates a trace of spans; of spans with one id the first is kept.
    ///
    /// - Parameters:
    ///   - id: the trace id: 32 lower-case hexadecimal digits.
    ///   - spans: the spans in any order.
    public init(id: String, spans: [TraceSpan]) {
        self.id = id
        var seen: Set<String> = []
        self.spans = spans.filter { seen.insert($0.spanID).inserted }.sorted { left, right in
            (left.startNanoseconds, left.spanID) < (right.startNanoseconds, right.spanID)
        }
    }

    /// Reads the answer of `GET /api/v3/traces/{trace_id}` of a Jaeger 2 or of ``TraceQueryServer``.
    ///
    /// The reader is lenient: 64-bit numbers may be texts or numbers, enumerations numbers or names, ids of either
    /// case; the envelope `{"result": …}` may be missing; unknown fields are ignored.
    ///
    /// - Parameter jaegerJSON: the body of the answer.
    /// - Throws: ``TraceBackendError`` with the code `malformed`, `notFound`, `empty` or `severalTraces`.
    public init(jaegerJSON: [UInt8]) throws(TraceBackendError) {
        let answer: JaegerAnswer
        do {
            answer = try JSONDecoder().decode(JaegerAnswer.self, from: Data(jaegerJSON))
        } catch {
            throw TraceBackendError(
                .malformed,
                "the answer is not a trace in Jaeger's JSON; is this a Jaeger 2 query address?",
                cause: error
            )
        }
        if let error = answer.error {
            let code: TraceBackendError.Code = error.httpCode == 404 ? .notFound : .malformed
            throw TraceBackendError(code, error.message ?? "the trace backend answered with an error")
        }
        try self.init(answer.resourceSpans)
    }

    init(_ resourceSpans: [OTLPJSON.ResourceSpans]) throws(TraceBackendError) {
        let spans = try TraceSpan.all(in: resourceSpans)
        guard let first = spans.first else {
            throw TraceBackendError(.empty, "the answer holds no span")
        }
        guard spans.allSatisfy({ $0.traceID == first.traceID }) else {
            throw TraceBackendError(.severalTraces, "the answer holds more than one trace; ask for one by its id")
        }
        self.init(id: first.traceID, spans: spans)
    }

    /// The services that made the spans, by name.
    public var services: [String] { Set(spans.map(\.service)).sorted() }

    /// The earliest start in nanoseconds since 1970 UTC; zero without spans.
    public var startNanoseconds: UInt64 { spans.first?.startNanoseconds ?? 0 }

    /// The latest end in nanoseconds since 1970 UTC; zero without spans.
    public var endNanoseconds: UInt64 { spans.map { max($0.startNanoseconds, $0.endNanoseconds) }.max() ?? 0 }

    /// The time from the earliest start to the latest end, in nanoseconds.
    public var durationNanoseconds: UInt64 { endNanoseconds - startNanoseconds }
}
