internal import Observability
internal import Resilience

/// The metrics of one pipeline: counters of what happens, and what its parts know when they are scraped.
struct ResilienceMetrics: Sendable {
    private let name: String
    private let registry: MetricsRegistry
    private let attempts: MetricFamily<CounterMetric>
    private let exhausted: CounterMetric
    private let deadlines: DeadlineMetrics

    /// - Parameters:
    ///   - name: The target: a static word.
    ///   - registry: Makes the instruments.
    init(name: String, registry: MetricsRegistry) {
        self.name = name
        self.registry = registry
        attempts = registry.counter(
            "retry_attempts_total",
            help: "Attempts at calls, the first of each included.",
            labels: ["name", "attempt", "outcome"]
        )
        exhausted = registry.counter(
            "retry_exhausted_total",
            help:
                "Calls that failed with an error that may be retried, after the last attempt that policy and time allow.",
            labels: ["name"]
        ).labels(name)
        deadlines = DeadlineMetrics(registry: registry)
    }

    /// Counts what happened to a call.
    func record(_ event: ResilienceEvent) {
        switch event {
        case .attemptEnded(let number, let outcome, _):
            attempts.labels(name, String(number), outcome.rawValue).increment()
        case .gaveUp(_, let reason) where reason != .budget:
            exhausted.increment()
        case .deadlineExceeded(let stage):
            deadlines.exceeded(stage)
        case .attemptStarted, .retryScheduled, .gaveUp, .rejected:
            // The breaker, the bulkhead and the budget count what they refuse.
            break
        }
    }

    /// Registers what is computed at scrape time; the pipeline may go.
    func observe(_ pipeline: ResiliencePipeline) {
        if let breaker = pipeline.circuitBreaker { observe(breaker) }
        if let bulkhead = pipeline.bulkhead { observe(bulkhead) }
        guard let budget = pipeline.retryBudget else { return }
        registry.gauge(
            "retry_budget_tokens",
            help: "Tokens of the retry budget; there are no retries while it is not more than half full.",
            labels: ["name"]
        ) { [name, weak budget] in budget.map { [ObservedValue($0.snapshot().tokens, name)] } ?? [] }
        registry.counter(
            "retry_throttled_total",
            help: "Retries that were not made because too many calls fail.",
            labels: ["name"]
        ) { [name, weak budget] in budget.map { [ObservedValue(Double($0.snapshot().throttled), name)] } ?? [] }
    }

    private func observe(_ breaker: CircuitBreaker) {
        registry.gauge(
            "circuit_breaker_state",
            help: "1 for the state that a circuit breaker is in, 0 for the others.",
            labels: ["name", "state"]
        ) { [name, weak breaker] in
            guard let state = breaker?.snapshot().state else { return [] }
            return CircuitBreaker.State.allCases.map { ObservedValue($0 == state ? 1 : 0, name, $0.rawValue) }
        }
        registry.counter(
            "circuit_breaker_transitions_total",
            help: "Changes of a circuit breaker's state.",
            labels: ["name", "from", "to"]
        ) { [name, weak breaker] in
            breaker?.snapshot().transitions.map {
                ObservedValue(Double($0.count), name, $0.from.rawValue, $0.to.rawValue)
            } ?? []
        }
        registry.counter(
            "circuit_breaker_calls_total",
            help: "Attempts by what a circuit breaker made of them; a slow one that succeeded is slow.",
            labels: ["name", "outcome"]
        ) { [name, weak breaker] in
            guard let calls = breaker?.snapshot().calls else { return [] }
            return [
                ObservedValue(Double(calls.success), name, "success"),
                ObservedValue(Double(calls.failure), name, "failure"),
                ObservedValue(Double(calls.slow), name, "slow"),
                ObservedValue(Double(calls.ignored), name, "ignored"),
                ObservedValue(Double(calls.rejected), name, "rejected"),
            ]
        }
    }

    private func observe(_ bulkhead: Bulkhead) {
        registry.gauge(
            "bulkhead_in_flight",
            help: "Calls that are under way in a bulkhead, their retries and the waits between them included.",
            labels: ["name"]
        ) { [name, weak bulkhead] in bulkhead.map { [ObservedValue(Double($0.snapshot().inFlight), name)] } ?? [] }
        registry.counter(
            "bulkhead_rejected_total",
            help: "Calls that were not made because too many others were under way.",
            labels: ["name"]
        ) { [name, weak bulkhead] in bulkhead.map { [ObservedValue(Double($0.snapshot().rejected), name)] } ?? [] }
    }
}

/// Counts what ran out of time, at both ends of calls.
struct DeadlineMetrics: Sendable {
    private let exceeded: MetricFamily<CounterMetric>

    init(registry: MetricsRegistry) {
        exceeded = registry.counter(
            "deadline_exceeded_total",
            help: "Deadlines that passed, by where a call was then.",
            labels: ["stage"]
        )
        // There from the start: what is not there cannot be told from what has not happened.
        for stage in [DeadlineExceeded.Stage.admission, .bulkhead, .backoff, .attempt, .handler] {
            _ = exceeded.labels(stage.rawValue)
        }
    }

    func exceeded(_ stage: DeadlineExceeded.Stage) {
        exceeded.labels(stage.rawValue).increment()
    }
}
