import TestKit
import Testing

@testable import Postgres

@Suite("Pool state machine")
struct PoolStateMachineTests {
    private let start = Moment(nanoseconds: 1_000_000_000)

    private func machine(maximum: Int = 2, waiters: Int = 100) -> PoolStateMachine {
        var settings = PoolStateMachine.Settings()
        settings.maximumConnections = maximum
        settings.maximumWaiters = waiters
        return PoolStateMachine(settings: settings)
    }

    @Test("Waiting tasks get connections in order of arrival")
    func order() {
        var machine = machine(maximum: 1)
        #expect(machine.acquire(1, deadline: .never) == (.waiting, [.connect(1)]))
        #expect(machine.acquire(2, deadline: .never) == (.waiting, []))
        #expect(machine.acquire(3, deadline: .never) == (.waiting, []))
        #expect(machine.connected(1) == [.announceAvailable, .grant(1, 1)])
        #expect(machine.release(1, isReusable: true) == [.grant(2, 1)])
        #expect(machine.release(1, isReusable: true) == [.grant(3, 1)])
        #expect(machine.release(1, isReusable: true) == [])
        #expect(machine.acquire(4, deadline: .never) == (.granted(1), []))
    }

    @Test("The connection that was used last is leased first")
    func lastInFirstOut() {
        var machine = machine()
        _ = machine.acquire(1, deadline: .never)
        _ = machine.acquire(2, deadline: .never)
        _ = machine.connected(1)
        _ = machine.connected(2)
        _ = machine.release(2, isReusable: true)
        _ = machine.release(1, isReusable: true)
        #expect(machine.acquireAtOnce() == 1)
    }

    @Test("A broken connection is replaced while tasks wait")
    func replacement() {
        var machine = machine(maximum: 1)
        _ = machine.acquire(1, deadline: .never)
        _ = machine.connected(1)
        _ = machine.acquire(2, deadline: .never)
        #expect(machine.release(1, isReusable: false) == [.close(1), .connect(2)])
        #expect(machine.connected(2) == [.grant(2, 2)])
    }

    @Test("After a failed attempt requests fail at once until an attempt succeeds; patient ones wait")
    func unavailable() {
        var machine = machine()
        #expect(machine.start() == [.connect(1)])
        _ = machine.acquire(1, deadline: .never)
        _ = machine.acquire(2, deadline: .never, isPatient: true)
        #expect(
            machine.connectFailed(2, now: start, jitter: 0)
                == [.close(2), .announceUnavailable(retryIn: .milliseconds(50)), .refuse(1, .unavailable)]
        )
        #expect(machine.connectFailed(1, now: start, jitter: 0) == [.close(1)])
        #expect(machine.acquire(3, deadline: .never) == (.refused(.unavailable), []))
        #expect(machine.nextDeadline == start + .milliseconds(50))
        #expect(machine.tick(now: start + .milliseconds(49)) == [])
        let retries = machine.tick(now: start + .milliseconds(50))
        guard case .connect(let id)? = retries.first else {
            Issue.record("an attempt follows the pause")
            return
        }
        #expect(retries.count == 1)
        #expect(machine.connected(id) == [.announceAvailable, .grant(2, id)])
    }

    @Test("Pauses between attempts double up to two seconds, and jitter halves them at most")
    func backoff() {
        var machine = machine()
        var actions = machine.start()
        var now = start
        var pauses: [Duration] = []
        for attempt in 0..<8 {
            guard case .connect(let id)? = actions.last else {
                Issue.record("attempt \(attempt) is missing")
                return
            }
            _ = machine.connectFailed(id, now: now, jitter: attempt == 7 ? 1 : 0)
            pauses.append(machine.nextDeadline - now)
            now = machine.nextDeadline
            actions = machine.tick(now: now)
        }
        #expect(pauses == [50, 100, 200, 400, 800, 1_600, 2_000, 1_000].map { .milliseconds($0) })
    }

    @Test("While a connection is established, failed attempts refuse nobody")
    func failedGrowth() {
        var machine = machine()
        _ = machine.acquire(1, deadline: .never)
        _ = machine.connected(1)
        #expect(machine.acquire(2, deadline: start + .seconds(5)) == (.waiting, [.connect(2)]))
        #expect(machine.connectFailed(2, now: start, jitter: 0) == [.close(2)])
        #expect(machine.release(1, isReusable: true) == [.grant(2, 1)])
    }

    @Test("Waiting ends at the deadline, and too many may not wait")
    func limits() {
        var machine = machine(maximum: 1, waiters: 2)
        _ = machine.acquire(1, deadline: .never)
        _ = machine.connected(1)
        _ = machine.acquire(2, deadline: start + .seconds(1))
        _ = machine.acquire(3, deadline: start + .seconds(2))
        #expect(machine.acquire(4, deadline: .never) == (.refused(.tooManyWaiters), []))
        #expect(machine.nextDeadline == start + .seconds(1))
        #expect(machine.tick(now: start + .seconds(1)) == [.refuse(2, .exhausted)])
        #expect(machine.release(1, isReusable: true) == [.grant(3, 1)])
    }

    @Test("A shutdown refuses waiting tasks, closes idle connections, and waits for leased ones")
    func shutdown() {
        var machine = machine()
        _ = machine.acquire(1, deadline: .never)
        _ = machine.acquire(2, deadline: .never)
        _ = machine.connected(1)
        _ = machine.connected(2)
        _ = machine.acquire(3, deadline: .never)
        #expect(machine.shutDown(deadline: start) == [.refuse(3, .closed)])
        #expect(machine.acquire(4, deadline: .never) == (.refused(.closed), []))
        #expect(machine.release(2, isReusable: true) == [.close(2)])
        #expect(machine.tick(now: start) == [.close(1), .stopped])
        #expect(machine.release(1, isReusable: true) == [])
        #expect(machine.isStopped)
    }

    @Test("Whatever happens in whatever order, the rules hold", arguments: 0..<200)
    func rules(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let maximum = Int.random(in: 1...4, using: &generator)
        var model = Model(machine: machine(maximum: maximum, waiters: 8), maximum: maximum, now: start)
        model.apply(model.machine.start())
        for _ in 0..<400 {
            model.step(&generator)
            model.check()
        }
        model.finish()
    }
}

/// What the world around the machine looks like, with the rules that must hold.
private struct Model {
    var machine: PoolStateMachine
    let maximum: Int
    var now: Moment
    var connecting: Set<UInt64> = []
    var idle: Set<UInt64> = []
    var leased: Set<UInt64> = []
    var closed: Set<UInt64> = []
    var waiting: [UInt64: Moment] = [:]
    var lastWaiter: UInt64 = 0
    var stops = 0
    var isShutDown = false

    mutating func step(_ generator: inout SeededGenerator) {
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<35:
            lastWaiter += 1
            let deadline = now + .milliseconds(Int.random(in: 1...3_000, using: &generator))
            waiting[lastWaiter] = deadline
            let isPatient = Int.random(in: 0..<4, using: &generator) == 0
            let (acquisition, actions) = machine.acquire(lastWaiter, deadline: deadline, isPatient: isPatient)
            switch acquisition {
            case .granted(let id): apply([.grant(lastWaiter, id)])
            case .refused: waiting[lastWaiter] = nil
            case .waiting: break
            }
            apply(actions)
        case 35..<60:
            guard let id = leased.sorted().randomElement(using: &generator) else { return }
            leased.remove(id)
            idle.insert(id)
            apply(machine.release(id, isReusable: Int.random(in: 0..<5, using: &generator) > 0))
        case 60..<72:
            guard let id = connecting.sorted().randomElement(using: &generator) else { return }
            connecting.remove(id)
            idle.insert(id)
            apply(machine.connected(id))
        case 72..<80:
            guard let id = connecting.sorted().randomElement(using: &generator) else { return }
            apply(machine.connectFailed(id, now: now, jitter: Double.random(in: 0...1, using: &generator)))
        case 80..<85:
            guard let id = (idle.union(leased)).sorted().randomElement(using: &generator) else { return }
            apply(machine.lost(id))
        case 85..<90:
            guard let waiter = waiting.keys.sorted().randomElement(using: &generator) else { return }
            let results = [machine.cancel(waiter), machine.cancel(waiter)]
            #expect(results == [true, false])
            waiting[waiter] = nil
        case 90..<99:
            now = now + .milliseconds(Int.random(in: 1...1_500, using: &generator))
            apply(machine.tick(now: now))
            #expect(waiting.values.allSatisfy { $0 > now }, "nobody waits beyond the deadline")
        default:
            guard Int.random(in: 0..<4, using: &generator) == 0 else { return }
            isShutDown = true
            apply(machine.shutDown(deadline: now + .seconds(1)))
        }
    }

    mutating func apply(_ actions: [PoolStateMachine.Action]) {
        for action in actions {
            switch action {
            case .connect(let id):
                #expect(connecting.insert(id).inserted)
                #expect(!closed.contains(id))
            case .close(let id):
                #expect(closed.insert(id).inserted, "a connection is closed once")
                connecting.remove(id)
                idle.remove(id)
                leased.remove(id)
            case .grant(let waiter, let id):
                #expect(waiting.removeValue(forKey: waiter) != nil, "only who waits gets a connection")
                #expect(idle.remove(id) != nil, "only a free connection is leased")
                leased.insert(id)
            case .refuse(let waiter, _):
                #expect(waiting.removeValue(forKey: waiter) != nil, "only who waits is refused")
            case .announceAvailable, .announceUnavailable:
                break
            case .stopped:
                stops += 1
            }
        }
    }

    func check() {
        let statistics = machine.statistics
        #expect(connecting.count + idle.count + leased.count <= maximum)
        #expect(statistics.idle == idle.count)
        #expect(statistics.used == leased.count)
        #expect(statistics.pending == waiting.count)
        #expect(waiting.isEmpty || idle.isEmpty, "nobody waits beside a free connection")
        #expect(machine.nextDeadline <= (waiting.values.min() ?? .never))
        if !isShutDown, leased.isEmpty, idle.isEmpty {
            #expect(!connecting.isEmpty || machine.nextDeadline != .never, "the server's return is noticed")
        }
        #expect(stops == (isShutDown && leased.isEmpty ? 1 : 0), "the end comes once, after the last connection")
    }

    mutating func finish() {
        isShutDown = true
        apply(machine.shutDown(deadline: now))
        apply(machine.tick(now: now))
        #expect(machine.isStopped)
        #expect(stops == 1)
        #expect(waiting.isEmpty && connecting.isEmpty && idle.isEmpty && leased.isEmpty)
    }
}
