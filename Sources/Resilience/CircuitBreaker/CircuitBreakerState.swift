/// The circuit breaker without clock, lock and randomness of its own: each is passed in.
///
/// Each change of the state is a new generation. A call remembers the one in which it was let through; its outcome counts
/// only there, so that what was sent while the breaker was closed cannot decide what the half-open calls are there for.
package struct CircuitBreakerState: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// A call that was let through.
    package struct Token: Sendable, Hashable {
        package let generation: UInt64
        package let start: Instant
        /// The number of a half-open call.
        package let probe: UInt64?
    }

    package enum Admission: Sendable {
        case admitted(Token)
        case rejected(CircuitOpen)
    }

    private struct Probe: Sendable {
        let number: UInt64
        let lease: Instant
    }

    private let name: String
    package let configuration: CircuitBreaker.Configuration
    package private(set) var state = CircuitBreaker.State.closed
    package private(set) var generation: UInt64 = 0
    package private(set) var window: SlidingWindow
    /// What the half-open calls of this generation have said so far.
    package private(set) var probed = SlidingWindow.Counts()
    private var probes: [Probe] = []
    private var lastProbe: UInt64 = 0
    private var openUntil: Instant
    /// How often it opened since it was last closed.
    package private(set) var openings = 0
    private var cause: (any Sendable)?
    private var calls = CircuitBreaker.CallTotals()
    private var transitionTotals: [UInt64]
    private var unreported: [CircuitBreaker.Transition] = []

    package init(name: String, configuration: CircuitBreaker.Configuration, at now: Instant) {
        self.name = name
        self.configuration = configuration
        window = SlidingWindow(configuration.window, at: now)
        openUntil = now
        transitionTotals = Array(
            repeating: 0,
            count: CircuitBreaker.State.allCases.count * CircuitBreaker.State.allCases.count
        )
    }

    /// How many half-open calls may be under way or counted.
    package var permits: Int { max(1, configuration.halfOpenPermits) }
    package var probesInFlight: Int { probes.count }

    // MARK: Events

    package mutating func acquire(at now: Instant, using generator: inout some RandomNumberGenerator) -> Admission {
        advance(to: now, using: &generator)
        switch state {
        case .closed, .disabled:
            return .admitted(Token(generation: generation, start: now, probe: nil))
        case .halfOpen where probes.count + probed.calls < permits:
            lastProbe += 1
            probes.append(Probe(number: lastProbe, lease: now.advanced(by: max(.zero, configuration.probeLease))))
            return .admitted(Token(generation: generation, start: now, probe: lastProbe))
        case .open, .halfOpen, .forcedOpen:
            calls.rejected += 1
            return .rejected(
                CircuitOpen(breaker: name, state: state, retryAfter: retryAfter(at: now), cause: cause)
            )
        }
    }

    package mutating func complete(
        _ token: Token,
        _ outcome: CallOutcome,
        at now: Instant,
        cause: (any Sendable)?,
        using generator: inout some RandomNumberGenerator
    ) {
        let isSlow = outcome != .ignored && isSlow(token, at: now)
        count(outcome, isSlow: isSlow)
        advance(to: now, using: &generator)
        guard token.generation == generation else { return }
        switch state {
        case .closed:
            guard outcome != .ignored else { return }
            window.record(isFailure: outcome == .failure, isSlow: isSlow, at: now)
            guard window.counts.calls >= configuration.minimumCalls,
                let reason = reason(window.counts, of: window.counts.calls)
            else { return }
            open(reason, counts: window.counts, cause: cause, at: now, using: &generator)
        case .halfOpen:
            // A call whose lease is over is no longer here; it has been counted as lost.
            guard let index = probes.firstIndex(where: { $0.number == token.probe }) else { return }
            probes.remove(at: index)
            guard outcome != .ignored else { return }
            probed.calls += 1
            probed.failures += outcome == .failure ? 1 : 0
            probed.slow += isSlow ? 1 : 0
            judgeProbes(lost: false, cause: cause, at: now, using: &generator)
        case .open, .forcedOpen, .disabled:
            return
        }
    }

    /// Does what is due by now: half-opens when the breaker has been open for long enough, takes back lost permits.
    package mutating func advance(to now: Instant, using generator: inout some RandomNumberGenerator) {
        switch state {
        case .open:
            guard now >= openUntil else { return }
            move(to: .halfOpen, .openDurationElapsed, counts: nil, at: now)
        case .halfOpen:
            let held = probes.count
            probes.removeAll { $0.lease <= now }
            let lost = held - probes.count
            guard lost > 0 else { return }
            probed.calls += lost
            probed.failures += lost
            judgeProbes(lost: true, cause: nil, at: now, using: &generator)
        case .closed, .forcedOpen, .disabled:
            return
        }
    }

    package mutating func set(_ mode: CircuitBreaker.Mode, at now: Instant) {
        let wanted: CircuitBreaker.State
        switch mode {
        case .automatic:
            guard state == .forcedOpen || state == .disabled else { return }
            wanted = .closed
        case .forcedOpen: wanted = .forcedOpen
        case .disabled: wanted = .disabled
        }
        guard state != wanted else { return }
        openings = 0
        cause = nil
        move(to: wanted, .mode, counts: nil, at: now)
    }

    // MARK: Answers

    /// The changes since the last time that somebody asked, for observers that are called without the lock.
    package mutating func takeTransitions() -> [CircuitBreaker.Transition] {
        guard !unreported.isEmpty else { return [] }
        defer { unreported = [] }
        return unreported
    }

    package mutating func snapshot(
        at now: Instant,
        using generator: inout some RandomNumberGenerator
    ) -> CircuitBreaker.Snapshot {
        advance(to: now, using: &generator)
        window.advance(to: now)
        let counts = state == .halfOpen ? probed : window.counts
        return CircuitBreaker.Snapshot(
            name: name,
            state: state,
            bufferedCalls: counts.calls,
            failureRate: counts.failureRate,
            slowCallRate: counts.slowRate,
            probesInFlight: probes.count,
            retryAfter: state == .open ? retryAfter(at: now) : nil,
            calls: calls,
            transitions: transitions,
            cause: cause
        )
    }

    private func isSlow(_ token: Token, at now: Instant) -> Bool {
        configuration.slowCallDuration.map { token.start.duration(to: now) >= $0 } ?? false
    }

    private func retryAfter(at now: Instant) -> Duration? {
        switch state {
        case .open: max(.zero, now.duration(to: openUntil))
        // At the latest when the first of those that are under way must have ended.
        case .halfOpen: probes.map(\.lease).min().map { max(.zero, now.duration(to: $0)) }
        case .closed, .forcedOpen, .disabled: nil
        }
    }

    private var transitions: [CircuitBreaker.TransitionTotal] {
        let states = CircuitBreaker.State.allCases
        return transitionTotals.enumerated().compactMap { index, count in
            let (from, to) = (states[index / states.count], states[index % states.count])
            switch (from, to) {
            case (.closed, .open), (.open, .halfOpen), (.halfOpen, .open), (.halfOpen, .closed): break
            default: guard count > 0 else { return nil }
            }
            return CircuitBreaker.TransitionTotal(from: from, to: to, count: count)
        }
    }

    // MARK: Changes

    private mutating func count(_ outcome: CallOutcome, isSlow: Bool) {
        switch outcome {
        case .success where isSlow: calls.slow += 1
        case .success: calls.success += 1
        case .failure: calls.failure += 1
        case .ignored: calls.ignored += 1
        }
    }

    /// Why calls are too bad, if they are.
    private func reason(_ counts: SlidingWindow.Counts, of calls: Int) -> CircuitBreaker.Reason? {
        if counts.failures > 0, Double(counts.failures) / Double(calls) >= configuration.failureRateThreshold {
            return .failureRate
        }
        if counts.slow > 0, Double(counts.slow) / Double(calls) >= configuration.slowCallRateThreshold {
            return .slowCallRate
        }
        return nil
    }

    /// Opens again as soon as the rest could not make up for it, closes when all have been heard.
    private mutating func judgeProbes(
        lost: Bool,
        cause: (any Sendable)?,
        at now: Instant,
        using generator: inout some RandomNumberGenerator
    ) {
        if let reason = reason(probed, of: permits) {
            open(lost ? .probeLost : reason, counts: probed, cause: cause, at: now, using: &generator)
        } else if probed.calls >= permits {
            openings = 0
            self.cause = nil
            move(to: .closed, .probesSucceeded, counts: probed, at: now)
        }
    }

    private mutating func open(
        _ reason: CircuitBreaker.Reason,
        counts: SlidingWindow.Counts,
        cause: (any Sendable)?,
        at now: Instant,
        using generator: inout some RandomNumberGenerator
    ) {
        openings += 1
        let duration = configuration.openDuration.delay(afterFailures: openings, using: &generator)
        openUntil = now.advanced(by: max(.zero, duration))
        // A lost call has no cause of its own: that of the opening before still explains this one.
        self.cause = cause ?? self.cause
        move(to: .open, reason, counts: counts, openDuration: duration, at: now)
    }

    private mutating func move(
        to next: CircuitBreaker.State,
        _ reason: CircuitBreaker.Reason,
        counts: SlidingWindow.Counts?,
        openDuration: Duration? = nil,
        at now: Instant
    ) {
        generation += 1
        unreported.append(
            CircuitBreaker.Transition(
                breaker: name,
                from: state,
                to: next,
                at: now,
                reason: reason,
                failureRate: counts?.failureRate,
                slowCallRate: counts?.slowRate,
                openDuration: openDuration,
                generation: generation,
                cause: cause
            )
        )
        let states = CircuitBreaker.State.allCases
        if let from = states.firstIndex(of: state), let to = states.firstIndex(of: next) {
            transitionTotals[from * states.count + to] += 1
        }
        state = next
        window.clear(at: now)
        probes = []
        probed = SlidingWindow.Counts()
    }
}
