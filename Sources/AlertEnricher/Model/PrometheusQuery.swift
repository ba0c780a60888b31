internal import Foundation

/// What is asked of Prometheus about an alert.
enum PrometheusQuery: Hashable, Sendable {
    /// The exemplars of an expression's series between two instants.
    case exemplars(String, from: Date, to: Date)
    /// The value of an expression at an instant.
    case value(String, at: Date)

    /// The path and the parameters.
    var target: String {
        switch self {
        case .exemplars(let expression, let start, let end):
            "/api/v1/query_exemplars?query=\(Self.encoded(expression))"
                + "&start=\(Self.seconds(start))&end=\(Self.seconds(end))"
        case .value(let expression, let time):
            "/api/v1/query?query=\(Self.encoded(expression))&time=\(Self.seconds(time))"
        }
    }

    /// The annotation that the expression comes from.
    var annotation: String {
        switch self {
        case .exemplars: Enrichment.exemplarQuery
        case .value: Enrichment.causeQuery
        }
    }

    private static let unreserved = CharacterSet(charactersIn: "a"..."z").union(CharacterSet(charactersIn: "A"..."Z"))
        .union(CharacterSet(charactersIn: "0"..."9")).union(CharacterSet(charactersIn: "-._~"))

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    /// Seconds since 1970 with milliseconds.
    private static func seconds(_ date: Date) -> String {
        let milliseconds = Int64((date.timeIntervalSince1970 * 1000).rounded())
        let fraction = String(1000 + milliseconds % 1000).dropFirst()
        return "\(milliseconds / 1000).\(fraction)"
    }
}

/// Why Prometheus' part is missing, in words for whoever gets the alert.
struct PrometheusFailure: Error, Hashable, CustomStringConvertible {
    let description: String

    /// No answer came in time.
    static func late(_ timeout: Duration) -> PrometheusFailure {
        PrometheusFailure(description: "Prometheus did not answer within \(DurationText.text(timeout))")
    }
}
