internal import Foundation

/// A trace that an exemplar leads to.
struct WorstTrace: Hashable, Sendable {
    /// The trace's id, 32 hexadecimal digits in lower case.
    let id: String
    /// What was measured.
    let value: Double
    /// Whether that is a duration in seconds.
    let isDuration: Bool
    /// When it was measured.
    let time: Date

    /// One line for people: how long, when, and where to look.
    func line(jaeger: String) -> String {
        let time = time.formatted(.iso8601)
        let link = "\(jaeger)/trace/\(id)"
        return isDuration ? "\(DurationText.text(seconds: value)) at \(time): \(link)" : "\(time): \(link)"
    }

    /// Chooses the traces with the greatest values; of equal ones the newest.
    ///
    /// - Parameters:
    ///   - candidates: Exemplars in any order; several may be of one trace.
    ///   - limit: How many traces to choose.
    static func worst(of candidates: [WorstTrace], limit: Int) -> [WorstTrace] {
        var seen: Set<String> = []
        var worst: [WorstTrace] = []
        for candidate in candidates.sorted(by: { ($0.value, $0.time, $0.id) > ($1.value, $1.time, $1.id) }) {
            guard worst.count < limit else { break }
            if seen.insert(candidate.id).inserted { worst.append(candidate) }
        }
        return worst
    }

    /// Reads a trace id, which is about to become a part of a URL.
    ///
    /// - Returns: It in lower case; `nil` unless it is one that W3C Trace Context allows.
    static func traceID(_ text: String?) -> String? {
        guard let text, text.utf8.count == 32, text.utf8.contains(where: { $0 != UInt8(ascii: "0") }),
            text.unicodeScalars.allSatisfy({ $0.isASCII && $0.properties.isASCIIHexDigit })
        else { return nil }
        return text.lowercased()
    }
}
