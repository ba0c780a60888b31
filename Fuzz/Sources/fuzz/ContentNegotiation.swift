private import Observability

extension FuzzTarget {
    /// `Accept` and `Accept-Encoding` of a scrape: the first line and the second.
    static let contentNegotiation = FuzzTarget(name: "content-negotiation") { input in
        let lines = input.lines
        for accept in lines.prefix(1) { requireFormat(accept) }
        for encoding in lines.dropFirst().prefix(1) { requireCoding(encoding) }
        require(ExpositionFormat.negotiate(accept: nil) == .prometheusText, "everybody reads text 0.0.4")
        require(ContentCoding.negotiate(acceptEncoding: nil) == .identity, "who does not ask gets no gzip")
    }

    private static let contentTypes: Set = [
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values",
    ]

    private static func requireFormat(_ accept: String) {
        let format = ExpositionFormat.negotiate(accept: accept)
        let type = format.contentType
        require(contentTypes.contains(type), "\(type) names one known format, whatever was asked for")
        require(type.hasPrefix("application/openmetrics-text") == format.isOpenMetrics, "\(type) is what is sent")
        require(
            !format.isOpenMetrics || accept.lowercased().contains("application/openmetrics-text"),
            "\(accept) does not ask for OpenMetrics by name"
        )
        require(
            !type.contains("escaping") || accept.lowercased().contains("escaping"),
            "\(accept) asks for no escaping"
        )
        guard let elements = elements(accept) else { return }
        require(
            ExpositionFormat.negotiate(accept: "audio/basic, \(accept) ,\t,audio/*;q=0.1") == format,
            "other types, empty elements and white space change nothing in \(accept)"
        )
        require(
            ExpositionFormat.negotiate(accept: accept.uppercased()).isOpenMetrics == format.isOpenMetrics,
            "the case of \(accept) means nothing"
        )
        let open = best(elements) { element in
            element.name == "application/openmetrics-text" ? (element["version"] == "1.0.0" ? 1 : 0) : nil
        }
        let text = best(elements) { element in
            switch (element.name, element["version"]) {
            case ("text/plain", "0.0.4"): 3
            case ("text/plain", nil): 2
            case ("text/*", _): 1
            case ("*/*", _): 0
            default: nil
            }
        }
        require(
            format.isOpenMetrics == (open?.weight ?? 0 > text?.weight ?? 0),
            "OpenMetrics is the answer to \(accept) when it weighs more: \(String(describing: (open, text)))"
        )
    }

    private static func requireCoding(_ accept: String) {
        let coding = ContentCoding.negotiate(acceptEncoding: accept)
        let lower = accept.lowercased()
        require(coding == .identity || lower.contains("gzip") || lower.contains("*"), "\(accept) asks for no gzip")
        guard let elements = elements(accept) else { return }
        require(
            ContentCoding.negotiate(acceptEncoding: "br, \(accept) ,\t,deflate;q=0.1") == coding,
            "other codings, empty elements and white space change nothing in \(accept)"
        )
        let gzip = elements.filter { ["gzip", "x-gzip"].contains($0.name) }.map(\.weight).max()
        let weight = gzip ?? elements.last { $0.name == "*" }?.weight ?? 0
        let identity = elements.last { $0.name == "identity" }?.weight ?? 0
        require((coding == .gzip) == (weight > 0 && weight >= identity), "\(accept) prefers \(coding)")
    }

    private struct Element {
        let name: String
        var parameters: [(name: String, value: String)] = []
        /// In thousandths.
        var weight = 1000

        subscript(parameter: String) -> String? { parameters.first { $0.name == parameter }?.value }
    }

    /// The most specific element, and of equally specific ones that with the highest weight.
    private static func best(_ elements: [Element], rank: (Element) -> Int?) -> Element? {
        let ranked = elements.compactMap { element in rank(element).map { (rank: $0, element: element) } }
        return ranked.max { ($0.rank, $0.element.weight) < ($1.rank, $1.element.weight) }?.element
    }

    /// RFC 9110 §5.6 and §12.4.2, written once more for headers without quotes; `nil` for others, and for those that are
    /// longer than is read to the end.
    private static func elements(_ header: String) -> [Element]? {
        guard header.utf8.allSatisfy({ $0 < 0x80 }), !header.contains("\""), !header.contains("\r") else { return nil }
        let items = header.split(separator: ",", omittingEmptySubsequences: false)
        guard items.count < 90 else { return nil }
        var elements: [Element] = []
        for item in items {
            let parts = item.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
            guard parts.count < 90 else { return nil }
            if let element = element(parts) { elements.append(element) }
        }
        return elements
    }

    private static func element(_ parts: [String]) -> Element? {
        if parts[0].isEmpty { return nil }
        var element = Element(name: parts[0].lowercased())
        for part in parts.dropFirst() where !part.isEmpty {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(trimmed)
            guard sides.count == 2 else { return nil }
            let name = sides[0].lowercased()
            if name == "q" {
                guard let weight = weight(sides[1]) else { return nil }
                element.weight = weight
            } else {
                element.parameters.append((name, sides[1]))
            }
        }
        return element
    }

    private static func weight(_ text: String) -> Int? {
        guard let match = text.wholeMatch(of: /([01])(?:\.([0-9]*))?/) else { return nil }
        let decimals = String(match.2 ?? "").prefix(3).padded(to: 3)
        return Int(match.1 + decimals).flatMap { $0 <= 1000 ? $0 : nil }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        return String(text)
    }
}

extension Substring {
    fileprivate func padded(to count: Int) -> Substring {
        self + String(repeating: "0", count: count - self.count)
    }
}
