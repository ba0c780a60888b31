private import Synchronization

/// The one layer that protects the calls to a target.
///
/// From the outside in: deadline, bulkhead, retry with its budget, circuit breaker, attempt time-out, call. The deadline
/// bounds everything, waiting and backing off included. A call holds its place in the bulkhead while it backs off, so
/// retries cannot add load beyond it. The breaker judges each attempt. A call that the breaker refuses is not retried: it
/// fails at once, with the time after which it may be made again.
///
/// Make one for each target and keep it: its parts learn from all calls.
public final class ResiliencePipeline: Sendable {
    /// One attempt of a call, as the call sees it.
    public struct Attempt: Sendable, Hashable {
        /// Its number, 1 for the first; one less is `grpc-previous-rpc-attempts`.
        public let number: Int
        /// When it must have ended: the time to send on, as in `grpc-timeout`.
        public let deadline: Deadline?
        /// The time that it has, from its beginning.
        public let timeout: Duration?
    }

    /// The name, the `name` label of the metrics: a static target, never an address.
    public let name: String
    /// The configuration.
    public let configuration: ResilienceConfiguration
    /// The breaker, if there is one.
    public let circuitBreaker: CircuitBreaker?
    /// The bulkhead, if there is one.
    public let bulkhead: Bulkhead?
    /// The budget of the retries, if there is one.
    public let retryBudget: RetryBudget?
    let time: TimeSource
    private let generator: Mutex<any RandomNumberGenerator & Sendable>
    private let observer: (@Sendable (ResilienceEvent) -> Void)?

    /// Creates a pipeline with the parts that its configuration names.
    ///
    /// - Parameters:
    ///   - name: The name: a static target, never an address.
    ///   - configuration: How calls are protected.
    ///   - clock: The clock.
    ///   - generator: The source of the jitter.
    ///   - observer: Called with what happens to each call, in its task.
    ///   - onTransition: Called with each change of the breaker's state.
    ///   - cause: What is going on, such as the current span; see ``CircuitBreaker``.
    /// - Throws: ``InvalidResilienceConfiguration``.
    public init<C: Clock>(
        name: String,
        configuration: ResilienceConfiguration = ResilienceConfiguration(),
        clock: C = ContinuousClock(),
        generator: some RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        observer: (@Sendable (ResilienceEvent) -> Void)? = nil,
        onTransition: (@Sendable (CircuitBreaker.Transition) -> Void)? = nil,
        cause: (@Sendable () -> (any Sendable)?)? = nil
    ) throws(InvalidResilienceConfiguration) where C.Instant == ContinuousClock.Instant {
        try configuration.validate()
        self.name = name
        self.configuration = configuration
        circuitBreaker = configuration.circuitBreaker.map {
            CircuitBreaker(
                name: name,
                configuration: $0,
                clock: clock,
                generator: generator,
                observer: onTransition,
                cause: cause
            )
        }
        bulkhead = configuration.bulkhead.map { Bulkhead(name: name, configuration: $0, clock: clock) }
        retryBudget = configuration.retryBudget.map { RetryBudget($0) }
        time = TimeSource(clock)
        self.generator = Mutex(generator)
        self.observer = observer
    }

    /// Makes a call.
    ///
    /// - Parameters:
    ///   - timeout: How long it may take, if less than the configuration and the task's deadline allow.
    ///   - classify: What an error means. It is asked about ``DeadlineExceeded`` of an attempt too, but only whether that
    ///     may be retried: an attempt whose time was up has failed. It is not asked when the caller's task has been
    ///     cancelled.
    ///   - body: The call. Cancelled when its time is up; the call ends late if it ignores that
    ///     (see ``Deadline/run(within:stage:clock:operation:)``).
    /// - Throws: ``DeadlineExceeded``, ``BulkheadRejected``, ``CircuitOpen``, or what the last attempt threw.
    public nonisolated(nonsending) func call<Result: Sendable>(
        within timeout: Duration? = nil,
        classify: @Sendable (any Error) -> FailureClassification,
        _ body: @escaping @Sendable (Attempt) async throws -> Result
    ) async throws -> Result {
        let now = time.now
        let own = Self.shortest(timeout, configuration.callTimeout).map { Deadline.after($0, from: now) }
        let deadline = Deadline.earliest(Deadline.current, own)
        try admit(deadline, at: now, stage: .admission)
        guard let bulkhead else { return try await attempts(deadline, classify, body) }
        do {
            if let number = try bulkhead.enter() { try await bulkhead.waitForTurn(number, deadline: deadline) }
        } catch {
            if let rejection = error as? BulkheadRejected { observer?(.rejected(.bulkhead(rejection))) }
            if error is DeadlineExceeded { observer?(.deadlineExceeded(.bulkhead)) }
            throw error
        }
        defer { bulkhead.leave() }
        return try await attempts(deadline, classify, body)
    }

    /// Refuses to begin what would have too little time.
    private func admit(
        _ deadline: Deadline?,
        at now: ContinuousClock.Instant,
        stage: DeadlineExceeded.Stage
    ) throws(DeadlineExceeded) {
        guard let remaining = deadline?.remaining(at: now), remaining <= configuration.retry.minimumRemaining else {
            return
        }
        observer?(.deadlineExceeded(stage))
        throw DeadlineExceeded(stage: stage, limit: min(remaining, .zero))
    }

    private static func shortest(_ first: Duration?, _ second: Duration?) -> Duration? {
        guard let first, let second else { return first ?? second }
        return min(first, second)
    }

    // MARK: Attempts

    // One function, because each further one costs a frame of the task's allocator in every call.
    private nonisolated(nonsending) func attempts<Result: Sendable>(
        _ deadline: Deadline?,
        _ classify: (any Error) -> FailureClassification,
        _ body: @escaping @Sendable (Attempt) async throws -> Result
    ) async throws -> Result {
        var number = 1
        while true {
            let start = time.now
            // Whoever waited may have been woken late.
            try admit(deadline, at: start, stage: number == 1 ? .bulkhead : .backoff)
            let permit = try acquire(number, at: start)
            observer?(.attemptStarted(number))
            let limit = Deadline.earliest(configuration.attemptTimeout.map { .after($0, from: start) }, deadline)
            let attempt = Attempt(number: number, deadline: limit, timeout: limit?.remaining(at: start))
            let delay: Duration
            do {
                let result: Result
                switch (limit, configuration.enforcement) {
                case (nil, _): result = try await body(attempt)
                case (let limit?, .call):
                    result = try await Deadline.$current.withValue(limit) { try await body(attempt) }
                case (let limit?, .pipeline):
                    result = try await limit.enforce(stage: .attempt, time: time) { try await body(attempt) }
                }
                permit?.record(.success)
                ended(number, .success, since: start)
                retryBudget?.recordSuccess()
                return result
            } catch {
                let (outcome, failure) = judge(error, deadline, classify)
                permit?.record(failure.outcome)
                ended(number, outcome, since: start)
                guard let next = self.delay(afterAttempt: number, failure, deadline) else { throw error }
                delay = next
                let isPushback = failure.pushback != nil
                observer?(.retryScheduled(attempt: number + 1, delay: delay, isPushback: isPushback))
            }
            number += 1
            if delay > .zero { try await time.sleep(until: time.now.advanced(by: delay)) }
        }
    }

    /// The delay until the next attempt, or nil if there is none.
    private func delay(afterAttempt number: Int, _ failure: FailureClassification, _ deadline: Deadline?) -> Duration? {
        guard failure.isRetryable else { return nil }
        retryBudget?.recordFailure()
        let remaining = deadline?.remaining(at: time.now)
        let decision = generator.withLock { generator in
            configuration.retry.decision(
                afterAttempt: number,
                failure: failure,
                remaining: remaining,
                using: &generator
            )
        }
        switch decision {
        case .giveUp(let reason):
            observer?(.gaveUp(attempts: number, reason))
            return nil
        case .retry(let delay):
            guard retryBudget?.allowsRetry() ?? true else {
                observer?(.gaveUp(attempts: number, .budget))
                return nil
            }
            return delay
        }
    }

    private func acquire(
        _ number: Int,
        at now: ContinuousClock.Instant
    ) throws(CircuitOpen) -> CircuitBreaker.Permit? {
        guard let circuitBreaker else { return nil }
        do {
            return try circuitBreaker.acquire(at: now)
        } catch {
            observer?(.rejected(.circuitBreaker(error, attempt: number)))
            throw error
        }
    }

    private func judge(
        _ error: any Error,
        _ deadline: Deadline?,
        _ classify: (any Error) -> FailureClassification
    ) -> (ResilienceEvent.AttemptOutcome, FailureClassification) {
        if (error as? DeadlineExceeded)?.stage == .attempt {
            var failure = classify(error)
            failure.outcome = .failure
            return (.timeout, failure)
        }
        guard Task.isCancelled else { return (.failure, classify(error)) }
        // Who cancels a task when its deadline passes, as servers do, may come first. It is an expiry all the same, and
        // expiries are what the breaker must see.
        if deadline?.hasPassed(at: time.now) ?? false {
            return (.timeout, FailureClassification(outcome: .failure, isRetryable: false))
        }
        return (.cancelled, FailureClassification(outcome: .ignored, isRetryable: false))
    }

    private func ended(
        _ number: Int,
        _ outcome: ResilienceEvent.AttemptOutcome,
        since start: ContinuousClock.Instant
    ) {
        guard let observer else { return }
        observer(.attemptEnded(number, outcome, start.duration(to: time.now)))
        if outcome == .timeout { observer(.deadlineExceeded(.attempt)) }
    }
}
