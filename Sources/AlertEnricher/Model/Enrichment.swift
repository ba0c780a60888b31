internal import Foundation

/// What was found out about one alert.
struct Enrichment: Hashable, Sendable {
    /// What became of an alert, as the metric's label has it.
    enum Result: String, Sendable, CaseIterable {
        /// Traces, a cause or both were found.
        case enriched
        /// Nothing was found.
        case empty
        /// Something could not be asked.
        case failed
        /// Its annotations name no query.
        case unasked
        /// It has ended.
        case resolved
    }

    /// The annotation of a rule with the series whose exemplars are looked up.
    static let exemplarQuery = "exemplar_query"
    /// The annotation of a rule with the expression whose greatest series is the cause.
    static let causeQuery = "cause_query"
    /// The annotation of a rule with the alert's runbook.
    static let runbook = "runbook_url"

    /// The worst traces; `nil` when they were not asked for or could not be.
    var traces: [WorstTrace]?
    /// Since when traces were looked for.
    var since: Date?
    /// The dominant cause.
    var cause: String?
    /// What could not be asked, and why.
    var problems: [String] = []

    /// What became of the alert, unless it has ended.
    var result: Result {
        if !problems.isEmpty { return .failed }
        if cause != nil || traces?.isEmpty == false { return .enriched }
        return traces == nil ? .unasked : .empty
    }

    /// The annotations to add.
    ///
    /// - Parameters:
    ///   - alert: The alert.
    ///   - settings: Where traces and runbooks are.
    func annotations(of alert: AlertNotification.Alert, settings: Enricher.Settings) -> AlertNotification.Additions {
        var additions: AlertNotification.Additions = []
        if let traces, !traces.isEmpty {
            additions.append(("trace_ids", traces.map(\.id).joined(separator: ",")))
            let lines = traces.map { $0.line(jaeger: settings.jaeger) }
            additions.append(("worst_traces", lines.joined(separator: "\n")))
        }
        if let cause { additions.append(("dominant_cause", cause)) }
        let missing = problems + (emptiness.map { [$0] } ?? [])
        if !missing.isEmpty { additions.append(("enrichment_error", missing.joined(separator: "; "))) }
        if let base = settings.runbooks, let path = alert.annotations[Self.runbook], Self.isRelative(path) {
            additions.append((Self.runbook, "\(base)/\(path.drop { $0 == "/" })"))
        }
        return additions
    }

    /// Says that there are no traces: who looks for them should not have to guess.
    private var emptiness: String? {
        guard let traces, traces.isEmpty else { return nil }
        let since = since.map { " since \($0.formatted(.iso8601))" } ?? ""
        return "\(Self.exemplarQuery): there is no exemplar of a sampled trace\(since)"
    }

    /// Whether a reference has no scheme.
    private static func isRelative(_ reference: String) -> Bool {
        !reference.isEmpty && reference.firstMatch(of: /^([A-Za-z][A-Za-z0-9+.\-]*:|\/\/)/) == nil
    }
}
