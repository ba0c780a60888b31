public import Logging

/// Which members of the baggage are copied to spans and to log lines; none unless somebody says so.
///
/// Baggage comes from whoever calls, so nothing of it is recorded by itself. A member that is on the list becomes the
/// attribute `baggage.<name>`: the prefix keeps callers from writing names that mean something, such as `http.route`.
/// Values are redacted like log lines. Metric labels never come from baggage: callers would decide on the number of
/// series.
public struct BaggageAllowList: Hashable, Sendable {
    /// What stands before a member's name.
    public static let prefix = "baggage."

    /// The names, exactly as they stand in the baggage.
    public let names: [String]
    private let redaction: LogRedaction

    /// Creates a list.
    ///
    /// - Parameters:
    ///   - names: The names of members, exactly as they stand in the baggage; repeated ones count once.
    ///   - redaction: What must not be shown, whoever allowed it.
    public init(_ names: [String] = [], redaction: LogRedaction = LogRedaction()) {
        var seen: Set<String> = []
        self.names = names.filter { seen.insert($0).inserted }
        self.redaction = redaction
    }

    /// Whether nothing is copied.
    public var isEmpty: Bool { names.isEmpty }

    /// The allowed members as attributes of a span.
    public func attributes(of baggage: Baggage) -> Attributes {
        var attributes = Attributes()
        for (key, value) in members(of: baggage) { attributes[key] = .string(value) }
        return attributes
    }

    /// The allowed members as metadata of a log line.
    public func metadata(of baggage: Baggage) -> Logger.Metadata {
        Dictionary(uniqueKeysWithValues: members(of: baggage).map { ($0, .string($1)) })
    }

    private func members(of baggage: Baggage) -> [(key: String, value: String)] {
        guard !names.isEmpty, !baggage.isEmpty else { return [] }
        return names.compactMap { name in
            guard let value = baggage[name] else { return nil }
            return (Self.prefix + name, redaction.isSecret(name) ? LogRedaction.replacement : redaction.masked(value))
        }
    }
}
