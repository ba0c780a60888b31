private import Synchronization

/// Keeps calls away from a dependency that fails or is slow, and finds out with a few calls when it has recovered.
///
/// The semantics are those of resilience4j (rates over a sliding window) with the generations of gobreaker (an outcome
/// counts only for the state in which its call began) and leases on half-open permits (a call that never ends cannot keep
/// the breaker half open). Nothing runs in the background: what is due is done by the next call or ``snapshot()``.
public final class CircuitBreaker: Sendable {
    private struct Locked: Sendable {
        var state: CircuitBreakerState
        var generator: any RandomNumberGenerator & Sendable
    }

    /// The name, the `name` label of the metrics: a static target, never an address.
    public let name: String
    private let slowCallDuration: Duration?
    private let time: TimeSource
    private let locked: Mutex<Locked>
    private let cause: (@Sendable () -> (any Sendable)?)?
    private let observer: (@Sendable (Transition) -> Void)?

    /// Creates a closed breaker.
    ///
    /// - Parameters:
    ///   - name: The name: a static target, never an address.
    ///   - configuration: When it opens, and what follows.
    ///   - clock: The clock.
    ///   - generator: The source of the jitter.
    ///   - observer: Called with each change of the state, in the task that made or noticed it, after the lock has been
    ///     released.
    ///   - cause: What is going on, such as the current span. Called in the task of each call that failed or was slow,
    ///     without a lock; what it returned for the call that opened the breaker is in each ``CircuitOpen`` that follows.
    public init<C: Clock>(
        name: String,
        configuration: Configuration = Configuration(),
        clock: C = ContinuousClock(),
        generator: some RandomNumberGenerator & Sendable = SystemRandomNumberGenerator(),
        observer: (@Sendable (Transition) -> Void)? = nil,
        cause: (@Sendable () -> (any Sendable)?)? = nil
    ) where C.Instant == ContinuousClock.Instant {
        self.name = name
        slowCallDuration = configuration.slowCallDuration
        time = TimeSource(clock)
        self.cause = cause
        self.observer = observer
        locked = Mutex(
            Locked(
                state: CircuitBreakerState(name: name, configuration: configuration, at: clock.now),
                generator: generator
            )
        )
    }

    /// Asks whether a call may be made.
    ///
    /// - Returns: The permit, which is used up with the outcome of the call.
    /// - Throws: ``CircuitOpen`` if not.
    public func acquire() throws(CircuitOpen) -> Permit {
        try acquire(at: time.now)
    }

    /// Makes a call if that is allowed, and learns from its outcome.
    ///
    /// Whatever way the call ends (it returns, throws or is cancelled), its permit is given back.
    ///
    /// - Parameters:
    ///   - classify: What an error says about the health of what was called. By default a cancelled task says nothing, and
    ///     every other error is a failure.
    ///   - body: The call.
    /// - Throws: ``CircuitOpen`` when the call was not made, what `body` throws otherwise.
    public nonisolated(nonsending) func call<Result>(
        classify: (any Error) -> CallOutcome = { $0 is CancellationError ? .ignored : .failure },
        _ body: nonisolated(nonsending) () async throws -> Result
    ) async throws -> Result {
        let permit = try acquire()
        do {
            let result = try await body()
            permit.record(.success)
            return result
        } catch {
            permit.record(classify(error))
            throw error
        }
    }

    /// Lets somebody decide about the state, or gives the decision back to the outcomes, beginning with a closed breaker.
    ///
    /// - Parameter mode: Who decides.
    public func set(_ mode: Mode) {
        let now = time.now
        report { locked in locked.state.set(mode, at: now) }
    }

    /// The breaker now. What is due, such as becoming half open, is done first.
    public func snapshot() -> Snapshot {
        let now = time.now
        return report { locked in locked.state.snapshot(at: now, using: &locked.generator) }
    }

    func acquire(at now: ContinuousClock.Instant) throws(CircuitOpen) -> Permit {
        switch report({ locked in locked.state.acquire(at: now, using: &locked.generator) }) {
        case .admitted(let token): return Permit(breaker: self, token: token)
        case .rejected(let error): throw error
        }
    }

    fileprivate func complete(_ token: CircuitBreakerState.Token, _ outcome: CallOutcome) {
        let now = time.now
        // Asked for before the lock is taken, and only for what could open the breaker.
        var cause: (any Sendable)?
        if let ask = self.cause, outcome == .failure || isSlow(token, at: now) { cause = ask() }
        report { [cause] locked in
            locked.state.complete(token, outcome, at: now, cause: cause, using: &locked.generator)
        }
    }

    private func isSlow(_ token: CircuitBreakerState.Token, at now: ContinuousClock.Instant) -> Bool {
        slowCallDuration.map { token.start.duration(to: now) >= $0 } ?? false
    }

    /// Changes the state under the lock, and reports the transitions after it.
    private func report<Result: Sendable>(_ body: (inout Locked) -> Result) -> Result {
        let (result, transitions) = locked.withLock { locked in
            let result = body(&locked)
            return (result, locked.state.takeTransitions())
        }
        if let observer { for transition in transitions { observer(transition) } }
        return result
    }
}

extension CircuitBreaker {
    /// The right to make one call.
    ///
    /// It cannot be copied, so it is used once; when it is dropped without an outcome, as by a thrown error, it is given
    /// back as ``CallOutcome/ignored``.
    public struct Permit: ~Copyable, Sendable {
        private let breaker: CircuitBreaker
        private let token: CircuitBreakerState.Token
        private var isUsed = false

        fileprivate init(breaker: CircuitBreaker, token: CircuitBreakerState.Token) {
            self.breaker = breaker
            self.token = token
        }

        /// Uses the permit up with the outcome of the call, which took from the permit's making until now.
        ///
        /// - Parameter outcome: What the call says about the health of what was called.
        public consuming func record(_ outcome: CallOutcome) {
            isUsed = true
            breaker.complete(token, outcome)
        }

        deinit {
            if !isUsed { breaker.complete(token, .ignored) }
        }
    }
}
