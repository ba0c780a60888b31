import Resilience
import Synchronization
import TestKit
import Testing

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    static let configuration = CircuitBreaker.Configuration(
        failureRateThreshold: 0.5,
        slowCallDuration: .seconds(1),
        window: .calls(4),
        minimumCalls: 4,
        openDuration: ExponentialBackoff(initial: .seconds(4), maximum: .seconds(10)),
        halfOpenPermits: 2,
        probeLease: .seconds(3)
    )

    /// A breaker that failures have opened.
    static func opened(_ clock: ManualClock, observer: (@Sendable (CircuitBreaker.Transition) -> Void)? = nil)
        throws -> CircuitBreaker
    {
        let breaker = CircuitBreaker(
            name: "users",
            configuration: configuration,
            clock: clock,
            generator: SeededGenerator(seed: 1),
            observer: observer,
            cause: { Cause.current }
        )
        for number in 1...4 {
            try Cause.$current.withValue(number) { try breaker.acquire().record(.failure) }
        }
        return breaker
    }

    enum Cause {
        @TaskLocal static var current: Int?
    }

    @Test("a rejection names the breaker, its state, when to try again and what opened it")
    func rejection() throws {
        let clock = ManualClock()
        let breaker = try Self.opened(clock)
        clock.advance(by: .seconds(1))
        do {
            _ = try breaker.acquire()
            Issue.record("let through")
        } catch {
            #expect(error.breaker == "users")
            #expect(error.state == .open)
            let retryAfter = try #require(error.retryAfter)
            #expect(.seconds(1)...(.seconds(3)) ~= retryAfter)
            #expect(error.cause as? Int == 4, "the call that opened it was the fourth")
            let words = "circuit breaker users is open; try again in \(Int(retryAfter / .seconds(1)))."
            #expect(error.description.hasPrefix(words) && error.description.hasSuffix(" seconds"))
        }
        breaker.set(.forcedOpen)
        do {
            _ = try breaker.acquire()
            Issue.record("let through")
        } catch {
            #expect(error.description == "circuit breaker users is forced_open")
        }
    }

    @Test("a scrape sees that the breaker has become half open, without a call")
    func scrape() throws {
        let clock = ManualClock()
        let breaker = try Self.opened(clock)
        #expect(breaker.snapshot().state == .open)
        clock.advance(by: .seconds(4))
        let snapshot = breaker.snapshot()
        #expect(snapshot.state == .halfOpen)
        #expect(snapshot.cause as? Int == 4)
        #expect(
            snapshot.transitions.map { "\($0.from.rawValue) \($0.to.rawValue) \($0.count)" } == [
                "closed open 1", "open half_open 1", "half_open closed 0", "half_open open 0",
            ]
        )
    }

    @Test("transitions are reported with their reason, without the lock, in the task that made them")
    func transitions() throws {
        let clock = ManualClock()
        let seen = Record<String>()
        let breaker = Mutex<CircuitBreaker?>(nil)
        let made = try Self.opened(clock) { transition in
            // Would never return if the lock were held.
            _ = breaker.withLock { $0 }?.snapshot()
            seen.append("\(transition.generation) \(transition.to.rawValue) \(transition.reason.rawValue)")
        }
        breaker.withLock { $0 = made }
        clock.advance(by: .seconds(4))
        let first = try made.acquire()
        let second = try made.acquire()
        first.record(.success)
        second.record(.success)
        #expect(
            seen.elements == ["1 open failure_rate", "2 half_open open_duration_elapsed", "3 closed probes_succeeded"]
        )
    }

    @Test("a permit that is dropped without an outcome is given back")
    func droppedPermit() throws {
        let clock = ManualClock()
        let breaker = try Self.opened(clock)
        clock.advance(by: .seconds(4))
        func drop() throws {
            let permit = try breaker.acquire()
            #expect(breaker.snapshot().probesInFlight == 1)
            _ = permit
        }
        for _ in 0..<10 { try drop() }
        #expect(breaker.snapshot().probesInFlight == 0)
        #expect(breaker.snapshot().calls.ignored == 10)
    }

    @Test("calls that never end do not keep the breaker half open")
    func lostProbe() throws {
        let clock = ManualClock()
        let breaker = try Self.opened(clock)
        clock.advance(by: .seconds(4))
        let lost = try breaker.acquire()
        #expect(breaker.snapshot().state == .halfOpen)
        clock.advance(by: .seconds(3))
        #expect(breaker.snapshot().state == .open, "one lost call of two is too many")
        clock.advance(by: .seconds(10))
        let first = try breaker.acquire()
        let second = try breaker.acquire()
        lost.record(.failure)
        #expect(breaker.snapshot().probesInFlight == 2, "what is late decides nothing")
        first.record(.success)
        second.record(.success)
        #expect(breaker.snapshot().state == .closed)
    }

    @Test("successes that are slow open the breaker, and are counted as slow")
    func slow() throws {
        let clock = ManualClock()
        let breaker = CircuitBreaker(name: "slow", configuration: Self.configuration, clock: clock)
        for _ in 0..<4 {
            let permit = try breaker.acquire()
            clock.advance(by: .seconds(1))
            permit.record(.success)
        }
        let snapshot = breaker.snapshot()
        #expect(snapshot.state == .open)
        #expect(snapshot.calls.slow == 4 && snapshot.calls.success == 0)
    }

    @Test("of many callers at once only as many as there are permits get through half open")
    func concurrentProbes() async throws {
        for _ in 0..<50 {
            let clock = ManualClock()
            let breaker = try Self.opened(clock)
            clock.advance(by: .seconds(4))
            let most = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        guard let permit = try? breaker.acquire() else { return 0 }
                        await Task.yield()
                        let flying = breaker.snapshot().probesInFlight
                        permit.record(.ignored)
                        return flying
                    }
                }
                return await group.reduce(0, max)
            }
            #expect(1...2 ~= most)
            #expect(breaker.snapshot().probesInFlight == 0)
        }
    }

    /// How a call ends at one of its suspension points.
    enum Ending: CaseIterable {
        case cancelled
        case cancelledAndIgnored
        case thrown
    }

    @Test(
        "no permit leaks when a call ends at any suspension point",
        arguments: Ending.allCases,
        0...6
    )
    func endings(ending: Ending, point: Int) async throws {
        let clock = ManualClock()
        let breaker = try Self.opened(clock)
        clock.advance(by: .seconds(4))
        for _ in 0..<5 {
            await withTaskGroup { group in
                group.addTask {
                    if point == 0, ending != .thrown { withUnsafeCurrentTask { $0?.cancel() } }
                    _ = try? await breaker.call(classify: { _ in .ignored }) {
                        for step in 1...5 {
                            if step == point, ending != .thrown { withUnsafeCurrentTask { $0?.cancel() } }
                            if ending == .cancelled { try Task.checkCancellation() }
                            if step == point, ending == .thrown { throw Failure() }
                            await Task.yield()
                            #expect(breaker.snapshot().probesInFlight == 1)
                        }
                        // A result of a cancelled call must not close the breaker either: one of two permits is used.
                        throw Failure()
                    }
                }
            }
            let snapshot = breaker.snapshot()
            #expect(snapshot.state == .halfOpen && snapshot.probesInFlight == 0)
        }
        // All permits are there.
        let first = try breaker.acquire()
        let second = try breaker.acquire()
        first.record(.success)
        second.record(.success)
        #expect(breaker.snapshot().state == .closed)
    }

    @Test("under many tasks that fail and are cancelled every call is counted once and no permit is left")
    func stress() async throws {
        var configuration = Self.configuration
        configuration.openDuration = ExponentialBackoff(initial: .microseconds(50), maximum: .microseconds(500))
        configuration.slowCallDuration = nil
        let admitted = Counter()
        let changes = Record<(UInt64, CircuitBreaker.State, CircuitBreaker.State)>()
        let breaker = CircuitBreaker(name: "stress", configuration: configuration) {
            changes.append(($0.generation, $0.from, $0.to))
        }
        await withTaskGroup { group in
            for seed in 0..<8 {
                group.addTask {
                    var generator = SeededGenerator(seed: UInt64(seed))
                    for _ in 0..<1_000 {
                        let roll = Int.random(in: 0..<10, using: &generator)
                        await withTaskGroup(of: Void.self) { inner in
                            inner.addTask {
                                try? await breaker.call {
                                    admitted.add()
                                    await Task.yield()
                                    try Task.checkCancellation()
                                    if roll < 5 { throw Failure() }
                                }
                            }
                            if roll == 9 { inner.cancelAll() }
                        }
                    }
                }
            }
        }
        let snapshot = breaker.snapshot()
        #expect(snapshot.probesInFlight == 0)
        let ended = snapshot.calls.success + snapshot.calls.failure + snapshot.calls.ignored
        #expect(Int(ended) == admitted.value)
        #expect(ended + snapshot.calls.rejected == 8_000)
        #expect(snapshot.calls.rejected > 0 && snapshot.calls.ignored > 0 && snapshot.calls.success > 0)
        let ordered = changes.elements.sorted { $0.0 < $1.0 }
        #expect(ordered.map(\.0) == Array(1...UInt64(ordered.count)))
        for (before, after) in zip(ordered, ordered.dropFirst()) { #expect(before.2 == after.1) }
    }
}
