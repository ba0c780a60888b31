import Resilience
import TestKit
import Testing

@Suite("Bulkhead")
struct BulkheadTests {
    static func bulkhead(_ concurrent: Int, queue: Int, wait: Duration? = nil, clock: ManualClock = ManualClock())
        -> Bulkhead
    {
        Bulkhead(
            name: "users",
            configuration: .init(maximumConcurrent: concurrent, maximumQueued: queue, maximumWait: wait),
            clock: clock
        )
    }

    /// A place that calls wait in until it is opened.
    final class Door: Sendable {
        private let stream: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation
        init() { (stream, continuation) = AsyncStream.makeStream() }
        func open() { continuation.finish() }
        func pass() async { for await _ in stream {} }
    }

    @Test("who waits is let in first come, first served")
    func order() async throws {
        let bulkhead = Self.bulkhead(1, queue: 5)
        let door = Door()
        let entered = Record<Int>()
        try await withThrowingTaskGroup { group in
            group.addTask { try await bulkhead.call { await door.pass() } }
            #expect(await eventually { bulkhead.snapshot().inFlight == 1 })
            for number in 1...5 {
                group.addTask { try await bulkhead.call { entered.append(number) } }
                #expect(await eventually { bulkhead.snapshot().queued == number })
            }
            door.open()
            try await group.waitForAll()
        }
        #expect(entered.elements == [1, 2, 3, 4, 5])
        let snapshot = bulkhead.snapshot()
        #expect(snapshot.inFlight == 0 && snapshot.queued == 0 && snapshot.rejected == 0)
    }

    @Test("a call is refused at once when the queue is full")
    func queueFull() async throws {
        let bulkhead = Self.bulkhead(1, queue: 1)
        let door = Door()
        try await withThrowingTaskGroup { group in
            for _ in 0..<2 { group.addTask { try await bulkhead.call { await door.pass() } } }
            #expect(await eventually { bulkhead.snapshot().queued == 1 })
            let error = await #expect(throws: BulkheadRejected.self) { try await bulkhead.call {} }
            #expect(error?.reason == .queueFull)
            #expect(
                error?.description == "bulkhead users has 1 calls under way, and as many wait as may wait"
            )
            #expect(bulkhead.snapshot().rejected == 1)
            door.open()
            try await group.waitForAll()
        }
    }

    @Test("a call waits for no longer than it may, nor than its deadline allows")
    func patience() async throws {
        let clock = ManualClock()
        let bulkhead = Self.bulkhead(1, queue: 5, wait: .seconds(2), clock: clock)
        let door = Door()
        try await withThrowingTaskGroup { group in
            group.addTask { try await bulkhead.call { await door.pass() } }
            #expect(await eventually { bulkhead.snapshot().inFlight == 1 })
            for deadline in [nil, Deadline.after(.seconds(1), from: clock.now)] {
                let result = Task { try await bulkhead.call(deadline: deadline) {} }
                await clock.waitForSleepers()
                clock.advance(by: deadline == nil ? .milliseconds(1_999) : .milliseconds(999))
                #expect(bulkhead.snapshot().queued == 1)
                clock.advance(by: .milliseconds(1))
                if deadline == nil {
                    let error = await #expect(throws: BulkheadRejected.self) { try await result.value }
                    #expect(error?.reason == .waitedTooLong)
                } else {
                    let error = await #expect(throws: DeadlineExceeded.self) { try await result.value }
                    #expect(error?.stage == .bulkhead)
                }
                #expect(bulkhead.snapshot().queued == 0)
                // The next one's deadline begins now.
                clock.advance(by: .seconds(-2))
            }
            #expect(bulkhead.snapshot().rejected == 1)
            door.open()
            try await group.waitForAll()
        }
    }

    @Test("who is cancelled while waiting leaves the queue, from any place in it", arguments: 1...4)
    func cancelledWaiter(place: Int) async throws {
        let bulkhead = Self.bulkhead(1, queue: 4)
        let door = Door()
        let entered = Record<Int>()
        let holder = Task { try await bulkhead.call { await door.pass() } }
        #expect(await eventually { bulkhead.snapshot().inFlight == 1 })
        var waiters: [Task<Void, any Error>] = []
        for number in 1...4 {
            waiters.append(Task { try await bulkhead.call { entered.append(number) } })
            #expect(await eventually { bulkhead.snapshot().queued == number })
        }
        waiters[place - 1].cancel()
        await #expect(throws: CancellationError.self) { try await waiters[place - 1].value }
        #expect(bulkhead.snapshot().queued == 3)
        door.open()
        try await holder.value
        for (index, waiter) in waiters.enumerated() where index != place - 1 { try await waiter.value }
        #expect(entered.elements == [1, 2, 3, 4].filter { $0 != place })
        #expect(bulkhead.snapshot().inFlight == 0)
    }

    @Test("who was cancelled before waiting does not wait")
    func cancelledBefore() async throws {
        let bulkhead = Self.bulkhead(1, queue: 4)
        let door = Door()
        let ending = Record<String>()
        let holder = Task { try await bulkhead.call { await door.pass() } }
        #expect(await eventually { bulkhead.snapshot().inFlight == 1 })
        let waiter = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            do {
                try await bulkhead.call { ending.append("called") }
            } catch {
                ending.append("\(error)")
            }
        }
        #expect(await eventually { !ending.elements.isEmpty })
        door.open()
        try await holder.value
        await waiter.value
        #expect(ending.elements == ["CancellationError()"])
    }

    @Test("under concurrent cancellation nobody is lost, nobody is in twice and the limit holds")
    func stress() async throws {
        let bulkhead = Bulkhead(
            name: "stress",
            configuration: .init(maximumConcurrent: 3, maximumQueued: 20, maximumWait: .milliseconds(20))
        )
        let inside = Counter()
        let most = Record<Int>()
        let endings = Record<String>()
        let count = isLong ? 100_000 : 4_000
        await withTaskGroup { group in
            for worker in 0..<40 {
                group.addTask {
                    var generator = SeededGenerator(seed: UInt64(worker))
                    for _ in 0..<count / 40 {
                        let cancels = Int.random(in: 0..<3, using: &generator) == 0
                        let yields = Int.random(in: 0..<6, using: &generator)
                        await withTaskGroup { inner in
                            inner.addTask {
                                let ending: String
                                do {
                                    try await bulkhead.call {
                                        most.append(inside.add())
                                        for _ in 0..<yields { await Task.yield() }
                                        inside.add(-1)
                                    }
                                    ending = "done"
                                } catch is CancellationError {
                                    ending = "cancelled"
                                } catch let error as BulkheadRejected {
                                    ending = error.reason.rawValue
                                } catch {
                                    ending = "\(error)"
                                }
                                endings.append(ending)
                            }
                            for _ in 0..<yields { await Task.yield() }
                            if cancels { inner.cancelAll() }
                        }
                    }
                }
            }
        }
        let seen = endings.elements.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        #expect(most.elements.max() == 3)
        #expect(seen.values.reduce(0, +) == count)
        let snapshot = bulkhead.snapshot()
        #expect(snapshot.inFlight == 0 && snapshot.queued == 0)
        let rejected = (seen["queue_full"] ?? 0) + (seen["waited_too_long"] ?? 0)
        #expect(Int(snapshot.rejected) == rejected)
        #expect(Set(seen.keys).isSubset(of: ["done", "cancelled", "queue_full", "waited_too_long"]))
        for ending in ["done", "cancelled", "queue_full"] { #expect(seen[ending, default: 0] > 0, "\(seen)") }
    }
}
