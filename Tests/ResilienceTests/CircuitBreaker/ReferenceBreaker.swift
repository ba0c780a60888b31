import Resilience

/// A circuit breaker written down as the guide describes it, with nothing but lists: slow, and easy to believe.
///
/// It does not draw how long the breaker stays open: it takes what was drawn, and says between which bounds that must be.
struct ReferenceBreaker {
    struct Call {
        var generation: Int
        var start: Int
        var lease: Int?
        var isLost = false
        var isDone = false
    }

    let configuration: CircuitBreaker.Configuration
    var state = CircuitBreaker.State.closed
    var generation = 0
    var calls: [Call] = []
    /// The judged calls of this generation: the tenth of the window in which it ended, and how.
    var judged: [(tenth: Int, failed: Bool, slow: Bool)] = []
    var tenth = 0
    var openUntil = 0
    var openings = 0
    var endings: [String: UInt64] = [:]
    var changes: [String: UInt64] = [:]
    /// Asked for the duration that was drawn when the breaker opens.
    var drawn: () -> Int = { 0 }

    init(_ configuration: CircuitBreaker.Configuration) {
        self.configuration = configuration
    }

    // Times are nanoseconds since the beginning.

    var window: [(tenth: Int, failed: Bool, slow: Bool)] {
        if state == .halfOpen { return judged }
        switch configuration.window {
        case .calls(let count): return judged.suffix(count)
        case .time: return judged.filter { $0.tenth > tenth - 10 }
        }
    }

    var probesInFlight: Int {
        calls.count { $0.generation == generation && $0.lease != nil && !$0.isDone && !$0.isLost }
    }

    mutating func look(at now: Int) {
        guard case .time(let duration) = configuration.window else { return }
        tenth = max(tenth, now / (nanoseconds(duration) / 10))
    }

    mutating func advance(_ now: Int) {
        if state == .open, now >= openUntil { change(to: .halfOpen, now) }
        guard state == .halfOpen else { return }
        var lost = 0
        for index in calls.indices
        where calls[index].generation == generation && !calls[index].isDone && !calls[index].isLost {
            if let lease = calls[index].lease, lease <= now {
                calls[index].isLost = true
                judged.append((0, true, false))
                lost += 1
            }
        }
        if lost > 0 { judgeProbes(now) }
    }

    /// The number of the call, or nil when it is refused.
    mutating func acquire(_ now: Int) -> Int? {
        advance(now)
        switch state {
        case .closed, .disabled:
            calls.append(Call(generation: generation, start: now, lease: nil))
        case .halfOpen where probesInFlight + judged.count < configuration.halfOpenPermits:
            calls.append(Call(generation: generation, start: now, lease: now + nanoseconds(configuration.probeLease)))
        default:
            endings["rejected", default: 0] += 1
            return nil
        }
        return calls.count - 1
    }

    mutating func complete(_ number: Int, _ outcome: CallOutcome, _ now: Int) {
        let slow =
            outcome != .ignored
            && configuration.slowCallDuration.map { now - calls[number].start >= nanoseconds($0) } == true
        endings[outcome == .success && slow ? "slow" : outcome.rawValue, default: 0] += 1
        advance(now)
        let call = calls[number]
        calls[number].isDone = true
        guard call.generation == generation, !call.isLost, outcome != .ignored else { return }
        switch state {
        case .closed:
            look(at: now)
            judged.append((tenth, outcome == .failure, slow))
            if window.count >= configuration.minimumCalls, isBad(of: window.count) { open(now) }
        case .halfOpen:
            judged.append((0, outcome == .failure, slow))
            judgeProbes(now)
        default: break
        }
    }

    mutating func judgeProbes(_ now: Int) {
        if isBad(of: configuration.halfOpenPermits) {
            open(now)
        } else if judged.count >= configuration.halfOpenPermits {
            openings = 0
            change(to: .closed, now)
        }
    }

    func isBad(of count: Int) -> Bool {
        let (failed, slow) = (window.count { $0.failed }, window.count { $0.slow })
        return failed > 0 && Double(failed) / Double(count) >= configuration.failureRateThreshold
            || slow > 0 && Double(slow) / Double(count) >= configuration.slowCallRateThreshold
    }

    mutating func open(_ now: Int) {
        openings += 1
        openUntil = now + drawn()
        change(to: .open, now)
    }

    mutating func set(_ mode: CircuitBreaker.Mode, _ now: Int) {
        switch mode {
        case .automatic: if state == .forcedOpen || state == .disabled { force(.closed, now) }
        case .forcedOpen: force(.forcedOpen, now)
        case .disabled: force(.disabled, now)
        }
    }

    mutating func force(_ next: CircuitBreaker.State, _ now: Int) {
        guard state != next else { return }
        openings = 0
        change(to: next, now)
    }

    mutating func change(to next: CircuitBreaker.State, _ now: Int) {
        changes["\(state.rawValue) \(next.rawValue)", default: 0] += 1
        state = next
        generation += 1
        judged = []
        look(at: now)
    }

    /// The longest that the breaker may stay open now: doubled, or whatever the factor is, for each time in a row.
    var ceiling: Int {
        var ceiling = Double(nanoseconds(configuration.openDuration.initial))
        for _ in 1..<max(1, openings) { ceiling *= configuration.openDuration.multiplier }
        return min(Int(ceiling), nanoseconds(configuration.openDuration.maximum))
    }
}

func nanoseconds(_ duration: Duration) -> Int {
    Int(duration.components.seconds) * 1_000_000_000 + Int(duration.components.attoseconds / 1_000_000_000)
}
