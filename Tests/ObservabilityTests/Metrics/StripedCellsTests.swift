import Foundation
import Synchronization
import TestKit
import Testing

@testable import Observability

@Suite("Striped cells")
struct StripedCellsTests {
    private final class Count: Sendable {
        private let value = Atomic<Int>(0)

        var now: Int { value.load(ordering: .acquiring) }

        func add() { value.wrappingAdd(1, ordering: .acquiringAndReleasing) }
    }

    /// Runs bodies in threads of their own, and waits until all of them have ended.
    private func threads(_ count: Int, stackSize: Int? = nil, _ body: @escaping @Sendable (Int) -> Void) async {
        let ended = Count()
        for number in 0..<count {
            let thread = Thread {
                body(number)
                ended.add()
            }
            if let stackSize { thread.stackSize = stackSize }
            thread.start()
        }
        #expect(await eventually { ended.now == count })
    }

    @Test("lose nothing while threads come and go, and what they counted stays")
    func shortLivedThreads() async {
        let registry = MetricsRegistry()
        let counter = registry.counter("c", help: "")
        let histogram = registry.histogram("h", help: "", buckets: [1, 2, 3])
        for round in 1...20 {
            // Stacks of all sizes, so that one lies where another has been.
            await threads(12, stackSize: [256 << 10, 1 << 20, 8 << 20][round % 3]) { number in
                for step in 0..<1000 {
                    counter.increment()
                    counter.increment(by: 0.5)
                    histogram.observe(Double(step % 4) + 0.5)
                }
            }
            #expect(counter.value == Double(round * 12 * 1500))
            #expect(histogram.snapshot.bucketCounts == Array(repeating: UInt64(round * 3000), count: 4))
            #expect(histogram.snapshot.sum == Double(round * 12 * 2000))
        }
    }

    @Test("lose nothing when there are more threads than cells")
    func manyThreads() async {
        let counter = MetricsRegistry().counter("c", help: "")
        let arrived = Count()
        await threads(64) { _ in
            arrived.add()
            // All at a time, so that there are as many records as threads.
            while arrived.now < 64 { Thread.sleep(forTimeInterval: 0.001) }
            for _ in 0..<5000 { counter.increment() }
        }
        #expect(counter.value == 64 * 5000)
    }

    @Test("give a thread its record back, and no two running threads the same")
    func records() async throws {
        let first = try #require(onThisThread())
        #expect(first.isSame && first.runsHere && !first.nobodyRunsHere)
        let numbers = Mutex<[Int]>([])
        let arrived = Count()
        await threads(16) { _ in
            guard let seen = onThisThread() else { return }
            numbers.withLock { $0.append(seen.number) }
            #expect(seen.isSame && seen.runsHere)
            arrived.add()
            while arrived.now < 16 { Thread.sleep(forTimeInterval: 0.001) }
        }
        let seen = numbers.withLock { $0 }
        #expect(seen.count == 16 && Set(seen).count == 16)
    }

    private func onThisThread() -> (number: Int, isSame: Bool, runsHere: Bool, nobodyRunsHere: Bool)? {
        guard let record = ThreadRecord.current else { return nil }
        return (record.number, ThreadRecord.current === record, record.runsHere, ThreadRecord.nobody.runsHere)
    }

    @Test("are never read back smaller than before")
    func monotonic() async {
        let counter = MetricsRegistry().counter("c", help: "")
        let histogram = MetricsRegistry().histogram("h", help: "", buckets: [1])
        let running = Count()
        let done = Count()
        await withTaskGroup { group in
            group.addTask {
                await self.threads(6) { _ in
                    running.add()
                    while done.now == 0 {
                        for _ in 0..<100 {
                            counter.increment()
                            histogram.observe(1)
                        }
                    }
                }
            }
            group.addTask {
                _ = await eventually { running.now == 6 }
                var last = (count: 0.0, sum: 0.0)
                for _ in 0..<20_000 {
                    let snapshot = histogram.snapshot
                    let count = counter.value
                    #expect(count >= last.count && snapshot.sum >= last.sum && Double(snapshot.count) >= snapshot.sum)
                    last = (count, snapshot.sum)
                }
                done.add()
            }
        }
        #expect(Double(histogram.snapshot.count) == counter.value)
    }

    @Test("find the bucket of any value by the table and by the search alike", arguments: 0..<200)
    func buckets(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let spread = Double.random(in: 0.01...30, using: &random)
        let bounds = (0..<Int.random(in: 0...40, using: &random)).map { _ in
            seed % 4 == 0
                ? Double(Int.random(in: -20...20, using: &random))
                : Double.random(in: 0...1, using: &random) * (2 * Double.random(in: -spread...spread, using: &random))
        }
        let buckets = HistogramBuckets(seed % 3 == 0 ? [0] + bounds.map(\.magnitude) : bounds)
        let layout = BucketLayout(buckets)
        var values = (0..<200).map { _ in Double.random(in: -40...40, using: &random) }
        values += [0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude]
        values += buckets.bounds.flatMap { [$0, $0.nextUp, $0.nextDown] }
        for value in values {
            let expected = buckets.bounds.firstIndex { value <= $0 } ?? buckets.bounds.count
            #expect(layout.bucket(of: value) == expected, "\(value) in \(buckets.bounds)")
        }
    }
}
