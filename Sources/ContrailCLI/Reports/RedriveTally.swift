internal import Contracts
internal import Synchronization

/// What a redrive has done so far.
final class RedriveTally: Sendable {
    private let state = Mutex(Contrail_Notifications_V1_RedriveDeadLettersResponse())

    func add(_ results: [Contrail_Notifications_V1_RedriveResult]) {
        state.withLock { $0.results += results }
    }

    /// All results as one answer.
    var response: Contrail_Notifications_V1_RedriveDeadLettersResponse { state.withLock { $0 } }

    var count: Int { response.results.count }

    var hasFailures: Bool { response.results.contains { $0.outcome.hasFailed } }

    /// How often what happened: `3 redriven, 1 failed`.
    var summary: String {
        let results = response.results
        if results.isEmpty { return "no dead letters" }
        let order: [Contrail_Notifications_V1_RedriveResult.Outcome] = [
            .redriven, .alreadyRedriven, .wouldRedrive, .notFound,
        ]
        var parts = order.compactMap { outcome -> String? in
            let count = results.count { $0.outcome == outcome }
            return count == 0 ? nil : "\(count) \(outcome.word)"
        }
        let failed = results.count { $0.outcome.hasFailed }
        if failed > 0 { parts.append("\(failed) failed") }
        return parts.joined(separator: ", ")
    }
}

extension Contrail_Notifications_V1_RedriveResult.Outcome {
    /// Whether the letter is still there although it should not be.
    var hasFailed: Bool {
        switch self {
        case .redriven, .alreadyRedriven, .notFound, .wouldRedrive: false
        case .failed, .unspecified, .UNRECOGNIZED: true
        }
    }

    var word: String {
        switch self {
        case .redriven: "redriven"
        case .alreadyRedriven: "redriven before"
        case .notFound: "not there (any more)"
        case .wouldRedrive: "would be redriven"
        case .failed, .unspecified, .UNRECOGNIZED: "failed"
        }
    }
}
