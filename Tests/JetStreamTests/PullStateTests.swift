import TestKit
import Testing

@testable import JetStream

@Suite("The pull state machine")
struct PullStateTests {
    private static let options = PullOptions(maximumBuffered: 10, expires: .seconds(10), idleHeartbeat: .seconds(2))
    private let start = ContinuousClock.now

    private func make() -> PullState {
        PullState(Self.options, isConnected: true, now: start)
    }

    @Test("asks for a full buffer first, and again when half of it is gone")
    func threshold() {
        var state = make()
        #expect(state.pull(now: start, buffered: 0) == PullState.Request(id: 1, batch: 10))
        #expect(state.pull(now: start, buffered: 0) == nil)
        for received in 1...4 {
            state.receivedMessage(now: start)
            #expect(state.pull(now: start, buffered: 0) == nil, "after \(received)")
        }
        state.receivedMessage(now: start)
        #expect(state.pull(now: start, buffered: 1) == nil)
        #expect(state.pull(now: start, buffered: 0) == PullState.Request(id: 2, batch: 5))
        #expect(state.outstanding == 10)
    }

    @Test("asks for the rest of an expired request")
    func expiredRequest() {
        var state = make()
        _ = state.pull(now: start, buffered: 0)
        for _ in 0..<3 { state.receivedMessage(now: start) }
        #expect(state.receivedStatus(.ended, request: 1, pending: 7, now: start) == .proceed)
        #expect(state.pull(now: start, buffered: 0) == PullState.Request(id: 2, batch: 10))
    }

    @Test("gives requests up after two missed heartbeats")
    func missedHeartbeats() {
        var state = make()
        _ = state.pull(now: start, buffered: 0)
        #expect(state.nextDeadline == start + .seconds(4))
        _ = state.receivedStatus(.heartbeat, request: 1, pending: nil, now: start + .seconds(3))
        #expect(state.pull(now: start + .seconds(4), buffered: 0) == nil)
        #expect(state.nextDeadline == start + .seconds(7))
        #expect(state.pull(now: start + .seconds(7), buffered: 0)?.batch == 10)
    }

    @Test("waits longer after each refusal, and not at all after a message")
    func backOff() {
        var state = make()
        var now = start
        var waits: [Duration] = []
        for id in UInt64(1)...8 {
            #expect(state.pull(now: now, buffered: 0)?.id == id)
            _ = state.receivedStatus(.refused, request: id, pending: nil, now: now)
            #expect(state.pull(now: now, buffered: 0) == nil)
            let deadline = state.nextDeadline ?? now
            waits.append(deadline - now)
            now = deadline
        }
        #expect(waits == [100, 200, 400, 800, 1600, 3200, 5000, 5000].map { .milliseconds($0) })
        _ = state.pull(now: now, buffered: 0)
        state.receivedMessage(now: now)
        _ = state.receivedStatus(.refused, request: 9, pending: nil, now: now)
        #expect(state.nextDeadline == now + .milliseconds(100))
    }

    @Test("asks again after a reconnect, not before")
    func reconnect() {
        var state = make()
        _ = state.pull(now: start, buffered: 0)
        state.connectionLost()
        #expect(state.pull(now: start + .seconds(60), buffered: 0) == nil)
        #expect(state.nextDeadline == nil)
        state.connectionRestored(now: start + .seconds(60))
        #expect(state.pull(now: start + .seconds(60), buffered: 4)?.batch == 6)
        // A late answer to the lost request changes nothing.
        _ = state.receivedStatus(.ended, request: 1, pending: 10, now: start + .seconds(60))
        #expect(state.outstanding == 6)
    }

    @Test("fails on a deleted consumer and asks no more")
    func unavailable() {
        var state = make()
        _ = state.pull(now: start, buffered: 0)
        let status = PullStatus(code: 409, description: "Consumer Deleted")
        #expect(state.receivedStatus(status, request: 1, pending: 10, now: start) == .fail("Consumer Deleted"))
        #expect(state.pull(now: start + .seconds(100), buffered: 0) == nil)
    }

    @Test("asks no more after it was stopped")
    func stopped() {
        var state = make()
        state.stop()
        #expect(state.pull(now: start, buffered: 0) == nil)
        #expect(state.nextDeadline == nil)
    }

    @Test(
        "reads status lines",
        arguments: [
            (100, "Idle Heartbeat", PullStatus.heartbeat), (404, "No Messages", .ended),
            (408, "Request Timeout", .ended), (409, "Message Size Exceeds MaxBytes", .ended),
            (409, "Batch Completed", .ended), (409, "Leadership Change", .interrupted),
            (409, "Server Shutdown", .interrupted), (409, "Exceeded MaxAckPending", .refused),
            (409, "Exceeded MaxWaiting", .refused), (503, "", .refused),
            (409, "Consumer Deleted", .unavailable("Consumer Deleted")),
            (409, "Consumer is push based", .unavailable("Consumer is push based")),
            (409, "Exceeded MaxRequestBatch of 5", .unavailable("Exceeded MaxRequestBatch of 5")),
            (409, "Exceeded MaxRequestMaxBytes of 5", .unavailable("Exceeded MaxRequestMaxBytes of 5")),
            (400, "Bad Request", .unavailable("Bad Request")), (423, "Nats-Wrong-Pin-Id", .refused),
        ]
    )
    func statusLines(code: Int, description: String, expected: PullStatus) {
        #expect(PullStatus(code: code, description: description) == expected)
    }

    @Test("never owes more than its buffer, and always gets every message in the end", arguments: 0..<200)
    func randomSchedules(seed: Int) {
        var world = World(seed: UInt64(seed), options: Self.options)
        world.run(steps: 500)
        #expect(world.violations == [])
        world.heal()
        #expect(world.consumed == world.published, "seed \(seed)")
    }
}

/// A server that answers requests in turn, expires them, loses them, refuses them, and a reader that is sometimes slow.
private struct World {
    private struct Waiting {
        let id: UInt64
        var left: Int
        let expiry: ContinuousClock.Instant
        var heartbeat: ContinuousClock.Instant
    }

    private let options: PullOptions
    private var random: SeededGenerator
    private var now = ContinuousClock.now
    private var state: PullState
    private var waiting: [Waiting] = []
    private var stored = 0
    private var buffered = 0
    private var isConnected = true
    private(set) var published = 0
    private(set) var consumed = 0
    private(set) var violations: [String] = []

    init(seed: UInt64, options: PullOptions) {
        self.options = options
        random = SeededGenerator(seed: seed)
        state = PullState(options, isConnected: true, now: now)
    }

    mutating func run(steps: Int) {
        for _ in 0..<steps {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<30: publish(Int.random(in: 1...8, using: &random))
            case 30..<55: consume(Int.random(in: 1...6, using: &random))
            case 55..<90: pass(.milliseconds(Int.random(in: 1...1500, using: &random)))
            case 90..<94: loseConnection()
            case 94..<97: interrupt()
            default: waiting.removeAll()  // A fault that nobody reports; missed heartbeats must find it.
            }
            check()
        }
    }

    /// Nothing fails any more: everything must arrive.
    mutating func heal() {
        for _ in 0..<400 {
            pass(.milliseconds(500))
            consume(10)
        }
    }

    private mutating func publish(_ count: Int) {
        stored += count
        published += count
        deliver()
    }

    private mutating func consume(_ count: Int) {
        let taken = min(count, buffered)
        buffered -= taken
        consumed += taken
        ask()
    }

    private mutating func pass(_ duration: Duration) {
        let end = now + duration
        while let deadline = state.nextDeadline, deadline <= end, deadline > now {
            now = deadline
            serve()
            ask()
        }
        now = end
        if !isConnected, Bool.random(using: &random) {
            isConnected = true
            state.connectionRestored(now: now)
        }
        serve()
        ask()
    }

    private mutating func serve() {
        for request in waiting where request.expiry <= now {
            _ = state.receivedStatus(.ended, request: request.id, pending: request.left, now: now)
        }
        waiting.removeAll { $0.expiry <= now }
        for index in waiting.indices where waiting[index].heartbeat <= now {
            waiting[index].heartbeat = now + options.idleHeartbeat
            _ = state.receivedStatus(.heartbeat, request: waiting[index].id, pending: nil, now: now)
        }
        deliver()
    }

    private mutating func deliver() {
        while stored > 0, !waiting.isEmpty {
            var request = waiting.removeFirst()
            stored -= 1
            request.left -= 1
            buffered += 1
            state.receivedMessage(now: now)
            if request.left > 0 { waiting.append(request) }
            ask()
        }
    }

    private mutating func ask() {
        guard let request = state.pull(now: now, buffered: buffered) else { return }
        guard isConnected else {
            violations.append("asked while disconnected")
            return
        }
        if Int.random(in: 0..<20, using: &random) == 0 {
            _ = state.receivedStatus(.refused, request: request.id, pending: nil, now: now)
            return
        }
        waiting.append(
            Waiting(
                id: request.id,
                left: request.batch,
                expiry: now + options.expires,
                heartbeat: now + options.idleHeartbeat
            )
        )
        deliver()
    }

    private mutating func loseConnection() {
        isConnected = false
        waiting.removeAll()
        state.connectionLost()
    }

    private mutating func interrupt() {
        guard let request = waiting.first else { return }
        waiting.removeAll()
        _ = state.receivedStatus(.interrupted, request: request.id, pending: request.left, now: now)
        ask()
    }

    private mutating func check() {
        if state.outstanding < 0 { violations.append("owes less than nothing") }
        if state.outstanding + buffered > options.maximumBuffered { violations.append("owes more than its buffer") }
    }
}
