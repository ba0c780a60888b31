internal import FoundationEssentials

/// The envelopes of Jaeger's HTTP API, version 3.
struct JaegerAnswer: Decodable {
    struct TracesData: Codable {
        var resourceSpans: [OTLPJSON.ResourceSpans]?
    }

    struct Failure: Codable {
        var httpCode: Int?
        var message: String?
    }

    /// `{"result": {"resourceSpans": […]}}`: the answer with traces.
    struct Success: Encodable {
        var result: TracesData
    }

    /// `{"error": {"httpCode": 404, "message": "…"}}`: the answer of any failure.
    struct ErrorAnswer: Encodable {
        var error: Failure
    }

    struct Services: Encodable {
        var services: [String]
    }

    struct Summaries: Encodable {
        var summaries: [TraceSummary]
    }

    let resourceSpans: [OTLPJSON.ResourceSpans]
    let error: Failure?

    private enum CodingKeys: CodingKey {
        case result, resourceSpans, error
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        error = try container.decodeIfPresent(Failure.self, forKey: .error)
        if let result = try container.decodeIfPresent(TracesData.self, forKey: .result) {
            resourceSpans = result.resourceSpans ?? []
        } else if let bare = try container.decodeIfPresent([OTLPJSON.ResourceSpans].self, forKey: .resourceSpans) {
            resourceSpans = bare
        } else if error != nil {
            resourceSpans = []
        } else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "neither `result` nor `resourceSpans` nor `error`")
            )
        }
    }

    /// Writes a value as compact JSON whose bytes do not change from run to run.
    static func json(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }
}
