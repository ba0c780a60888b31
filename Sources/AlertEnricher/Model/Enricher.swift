internal import Foundation

/// Finds out what is behind the alerts of a notification.
struct Enricher: Sendable {
    /// How it is done.
    struct Settings: Sendable, Hashable {
        /// How long before an alert began to look for traces.
        var window = Duration.seconds(3600)
        /// The most traces of an alert.
        var traces = 3
        /// How long a notification may be held for it.
        var timeout = Duration.seconds(5)
        /// Jaeger's address for people, without a slash at its end.
        var jaeger = "http://localhost:16686"
        /// What relative addresses of runbooks are below, without a slash at its end.
        var runbooks: String?
    }

    /// Asks Prometheus; bounded by itself in time and in the size of the answer.
    typealias Ask =
        @Sendable (PrometheusQuery, _ timeout: Duration) async throws(PrometheusFailure) -> (status: Int, body: [UInt8])

    /// What an answer says.
    private enum Finding: Sendable {
        case traces([WorstTrace])
        case cause(String?)
    }

    /// How many queries are under way at once, so that a storm of alerts does not become one of queries.
    private static let concurrency = 4

    let settings: Settings
    let ask: Ask

    /// Looks up what the alerts of a notification ask for.
    ///
    /// - Parameters:
    ///   - alerts: The alerts.
    ///   - now: The present.
    /// - Returns: What was found about each; `nil` for those that have ended. It takes the time-out at most.
    func enrichments(of alerts: [AlertNotification.Alert], now: Date = Date()) async -> [Enrichment?] {
        let queries = alerts.map { $0.isFiring ? self.queries($0, now: now) : [] }
        let findings = await look(up: Set(queries.joined()))
        return zip(alerts, queries).map { alert, queries in
            guard alert.isFiring else { return nil }
            var enrichment = Enrichment()
            for query in queries {
                if case .exemplars(_, let start, _) = query { enrichment.since = start }
                switch findings[query] {
                case .success(.traces(let traces))?: enrichment.traces = traces
                case .success(.cause(let cause))?: enrichment.cause = cause
                case .failure(let failure)?: enrichment.problems.append("\(query.annotation): \(failure)")
                case nil: break
                }
            }
            return enrichment
        }
    }

    /// What is to be asked about an alert.
    private func queries(_ alert: AlertNotification.Alert, now: Date) -> [PrometheusQuery] {
        var queries: [PrometheusQuery] = []
        if let expression = alert.annotations[Enrichment.exemplarQuery], !expression.isEmpty {
            // Whole seconds: the alerts of a group often began in the same one, and then share a query.
            let begin = min(alert.startsAt ?? now, now).timeIntervalSince1970.rounded(.down)
            let start = Date(timeIntervalSince1970: begin - settings.window / .seconds(1))
            queries.append(.exemplars(expression, from: start, to: now))
        }
        if let expression = alert.annotations[Enrichment.causeQuery], !expression.isEmpty {
            queries.append(.value(expression, at: now))
        }
        return queries
    }

    /// Asks each query once, a few at the same time, all of them within the time-out.
    private func look(up queries: Set<PrometheusQuery>) async -> [PrometheusQuery: Result<Finding, PrometheusFailure>] {
        let deadline = ContinuousClock.now + settings.timeout
        return await withTaskGroup(of: (PrometheusQuery, Result<Finding, PrometheusFailure>).self) { group in
            var findings: [PrometheusQuery: Result<Finding, PrometheusFailure>] = [:]
            for (index, query) in queries.enumerated() {
                if index >= Self.concurrency, let (query, finding) = await group.next() { findings[query] = finding }
                group.addTask { (query, await self.finding(query, deadline: deadline)) }
            }
            for await (query, finding) in group { findings[query] = finding }
            return findings
        }
    }

    /// Races a query against the deadline, because a client that waits for a connection may be late.
    private func finding(
        _ query: PrometheusQuery,
        deadline: ContinuousClock.Instant
    ) async -> Result<Finding, PrometheusFailure> {
        let late = Result<Finding, PrometheusFailure>.failure(.late(settings.timeout))
        let rest = deadline - .now
        guard rest > .zero else { return late }
        return await withTaskGroup(of: Result<Finding, PrometheusFailure>.self) { group in
            group.addTask {
                do throws(PrometheusFailure) {
                    return .success(try await self.finding(query, timeout: rest))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await Task.sleep(until: deadline, clock: .continuous)
                return late
            }
            let first = await group.next() ?? late
            group.cancelAll()
            return first
        }
    }

    private func finding(
        _ query: PrometheusQuery,
        timeout: Duration
    ) async throws(PrometheusFailure) -> Finding {
        let (status, body) = try await ask(query, timeout)
        switch query {
        case .exemplars:
            let traces = try PrometheusAnswer.traces(status: status, body: body)
            return .traces(WorstTrace.worst(of: traces, limit: settings.traces))
        case .value:
            return .cause(try PrometheusAnswer.cause(status: status, body: body))
        }
    }
}
