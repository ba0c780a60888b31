internal import Foundation

/// What Prometheus answers (its HTTP API, version 1).
enum PrometheusAnswer {
    /// Reads the answer to ``PrometheusQuery/exemplars(_:from:to:)``.
    ///
    /// Exemplars without a valid `trace_id` and values that are not finite are left out.
    static func traces(status: Int, body: [UInt8]) throws(PrometheusFailure) -> [WorstTrace] {
        var traces: [WorstTrace] = []
        for series in try read([Series].self, status: status, body: body) {
            // A histogram's exemplars have the measured value; the unit is in the name.
            let isDuration = series.seriesLabels?["__name__"]?.contains("_seconds") ?? false
            for exemplar in series.exemplars ?? [] {
                guard let id = WorstTrace.traceID(exemplar.labels?["trace_id"]),
                    let value = exemplar.value.flatMap({ Double($0) }), value.isFinite
                else { continue }
                let time = Date(timeIntervalSince1970: exemplar.timestamp ?? 0)
                traces.append(WorstTrace(id: id, value: value, isDuration: isDuration, time: time))
            }
        }
        return traces
    }

    /// Reads the answer to ``PrometheusQuery/value(_:at:)``: what the series with the greatest value is about.
    ///
    /// - Returns: `cause (reason)` when the series has the label `cause`, otherwise all its labels; `nil` when no series
    ///   is above zero.
    static func cause(status: Int, body: [UInt8]) throws(PrometheusFailure) -> String? {
        let answer = try read(Outcome.self, status: status, body: body)
        guard answer.resultType == "vector" else {
            throw PrometheusFailure(description: "the expression's result is a \(answer.resultType), not a vector")
        }
        let candidates = answer.result.compactMap { sample in
            sample.value.flatMap { $0.value > 0 ? (text(sample.metric ?? [:]), $0.value) : nil }
        }
        // Equal ones in the order of their names, so that the same alert always names the same cause.
        return candidates.filter { !$0.0.isEmpty }.min { ($1.1, $0.0) < ($0.1, $1.0) }?.0
    }

    private static func text(_ labels: [String: String]) -> String {
        if let cause = labels["cause"], !cause.isEmpty {
            return bounded(labels["reason"].flatMap { $0.isEmpty ? nil : "\(cause) (\($0))" } ?? cause)
        }
        let pairs = labels.filter { $0.key != "__name__" && !$0.value.isEmpty }.sorted { $0.key < $1.key }
        return bounded(pairs.map { "\($0.key)=\"\($0.value)\"" }.joined(separator: ", "))
    }

    private static func read<T: Decodable>(
        _ type: T.Type,
        status: Int,
        body: [UInt8]
    ) throws(PrometheusFailure) -> T {
        let envelope = try? JSONDecoder().decode(Envelope<T>.self, from: Data(body))
        if status == 200, envelope?.status == "success", let data = envelope?.data { return data }
        let reason = envelope?.error.map { ": \(bounded($0))" }
        throw PrometheusFailure(
            description: status == 200 && reason == nil
                ? "the answer of Prometheus is not understood"
                : "Prometheus answered with status \(status)\(reason ?? "")"
        )
    }

    /// One line of bounded length, since it goes into an annotation.
    private static func bounded(_ text: String) -> String {
        let line = text.prefix(256).map { $0.isNewline ? " " : String($0) }.joined()
        return text.count > 256 ? line + "…" : line
    }
}

extension PrometheusAnswer {
    private struct Envelope<T: Decodable>: Decodable {
        let status: String
        let data: T?
        let error: String?
    }

    private struct Series: Decodable {
        let seriesLabels: [String: String]?
        let exemplars: [Exemplar]?
    }

    private struct Exemplar: Decodable {
        let labels: [String: String]?
        let value: String?
        let timestamp: Double?
    }

    private struct Outcome: Decodable {
        let resultType: String
        let result: [Sample]

        private enum CodingKeys: CodingKey {
            case resultType, result
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            resultType = try container.decode(String.self, forKey: .resultType)
            // Results of other types have another form.
            result = resultType == "vector" ? try container.decode([Sample].self, forKey: .result) : []
        }
    }

    private struct Sample: Decodable {
        let metric: [String: String]?
        let value: Point?
    }

    /// `[time, "value"]`
    private struct Point: Decodable {
        let value: Double

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            _ = try container.decode(Double.self)
            let text = try container.decode(String.self)
            // NaN is not above zero, nor is what is no number.
            value = Double(text) ?? .nan
        }
    }
}
