/// The format of an exposition, and how a scraper asks for it.
///
/// Implements "Content negotiation" and "Escaping schemes" of the Prometheus documentation.
public struct ExpositionFormat: Hashable, Sendable {
    private enum Value: Hashable, Sendable {
        case prometheusText
        case openMetrics(escaping: String?)
    }

    private let value: Value

    /// Prometheus text 0.0.4, which everybody reads.
    public static let prometheusText = ExpositionFormat(value: .prometheusText)
    /// OpenMetrics 1.0.0 text.
    public static let openMetrics = ExpositionFormat(value: .openMetrics(escaping: nil))

    /// Whether it is OpenMetrics text.
    public var isOpenMetrics: Bool { value != .prometheusText }

    /// The response's `Content-Type`.
    public var contentType: String {
        switch value {
        case .prometheusText: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics(nil): "application/openmetrics-text; version=1.0.0; charset=utf-8"
        case .openMetrics(let escaping?):
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=\(escaping)"
        }
    }

    /// Chooses the format that a scraper prefers.
    ///
    /// OpenMetrics is chosen when it is asked for by name with a higher weight than text 0.0.4; whatever version of it
    /// is asked for, the answer is 1.0.0. Wildcards stand for text 0.0.4, which also is the answer when there is no
    /// header, when both have the same weight, and when the scraper accepts neither: metrics that may be of no use
    /// beat a 406 that certainly is. All names are legal in every escaping scheme, so the one that is asked for is
    /// only repeated; `dots` would change names and is answered by `underscores`.
    ///
    /// - Parameter accept: The `Accept` header; several lines joined by commas.
    public static func negotiate(accept: String?) -> ExpositionFormat {
        guard let accept else { return .prometheusText }
        var open: Candidate?
        var text: Candidate?
        for element in WeightedElement.list(accept) {
            switch element.name {
            case "application/openmetrics-text":
                open.offer(element, rank: element["version"] == "1.0.0" ? 1 : 0)
            case "text/plain":
                switch element["version"] {
                case "0.0.4"?: text.offer(element, rank: 3)
                case nil: text.offer(element, rank: 2)
                // Another format of the same media type.
                default: break
                }
            case "text/*": text.offer(element, rank: 1)
            case "*/*": text.offer(element, rank: 0)
            default: break
            }
        }
        guard let open, open.element.weight > text?.element.weight ?? 0 else { return .prometheusText }
        return ExpositionFormat(value: .openMetrics(escaping: open.element["escaping"].map(escaping)))
    }

    private static func escaping(_ wanted: String) -> String {
        wanted == "allow-utf-8" || wanted == "values" ? wanted : "underscores"
    }
}

/// How a response's body is coded.
///
/// Implements RFC 9110 §12.5.3, "Accept-Encoding".
public enum ContentCoding: String, Hashable, Sendable {
    /// As it is.
    case identity
    /// Compressed by gzip.
    case gzip

    /// Chooses the coding: gzip unless it is not accepted, or less than no coding at all.
    ///
    /// - Parameter acceptEncoding: The `Accept-Encoding` header; several lines joined by commas.
    public static func negotiate(acceptEncoding: String?) -> ContentCoding {
        guard let acceptEncoding else { return .identity }
        var gzip: Int?
        var identity: Int?
        var others: Int?
        for element in WeightedElement.list(acceptEncoding) {
            switch element.name {
            case "gzip", "x-gzip": gzip = max(gzip ?? 0, element.weight)
            case "identity": identity = element.weight
            case "*": others = element.weight
            default: break
            }
        }
        let weight = gzip ?? others ?? 0
        return weight > 0 && weight >= identity ?? 0 ? .gzip : .identity
    }
}

/// The best element so far for one answer.
private struct Candidate {
    var element: WeightedElement
    var rank: Int
}

extension Candidate? {
    /// Keeps the most specific element; of equally specific ones that with the highest weight.
    fileprivate mutating func offer(_ element: WeightedElement, rank: Int) {
        if let self, (self.rank, self.element.weight) >= (rank, element.weight) { return }
        self = Candidate(element: element, rank: rank)
    }
}
