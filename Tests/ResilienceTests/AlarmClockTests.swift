import Synchronization
import TestKit
import Testing

@testable import Resilience

@Suite("Alarm clock")
struct AlarmClockTests {
    /// Sendable because what it adds never changes.
    private final class Bell: Alarm, @unchecked Sendable {
        private let ring_: @Sendable () -> Void

        init(at instant: ContinuousClock.Instant, _ ring: @escaping @Sendable () -> Void) {
            ring_ = ring
            super.init(at: instant)
        }

        override func ring() { ring_() }
    }

    @Test("the heap gives alarms in the order of their instants, whatever was stopped in between (10,000 random steps)")
    func heap() {
        var random = SeededGenerator(seed: 4)
        let start = ContinuousClock.now
        var heap = AlarmHeap()
        var model: [Alarm] = []
        for _ in 0..<10_000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let alarm = Alarm(at: start + .milliseconds(Int.random(in: 0..<500, using: &random)))
                heap.insert(alarm)
                model.append(alarm)
            case 5..<9:
                guard let alarm = model.randomElement(using: &random) else { continue }
                heap.remove(alarm)
                // Once more changes nothing.
                heap.remove(alarm)
                model.removeAll { $0 === alarm }
            default:
                let now = start + .milliseconds(Int.random(in: 0..<500, using: &random))
                let due = heap.removeAll(upTo: now).map(\.instant)
                #expect(due == model.map(\.instant).filter { $0 <= now }.sorted())
                model.removeAll { $0.instant <= now }
            }
            guard heap.count == model.count, heap.first?.instant == model.map(\.instant).min() else {
                Issue.record("the heap has \(heap.count) alarms, the model \(model.count)")
                return
            }
        }
    }

    @Test(
        "alarms ring when they are due and not before; a later one does not hold up an earlier one; a stopped one is silent"
    )
    func ringing() async {
        let clock = AlarmClock()
        let rung = Mutex<[(name: String, late: Duration)]>([])
        let start = ContinuousClock.now
        func bell(_ name: String, in duration: Duration) -> Bell {
            let instant = start + duration
            return Bell(at: instant) { rung.withLock { $0.append((name, instant.duration(to: .now))) } }
        }
        let never = bell("never", in: .seconds(3600))
        let stopped = bell("stopped", in: .milliseconds(60))
        let set = [never, bell("third", in: .milliseconds(90)), stopped, bell("second", in: .milliseconds(30))]
        for alarm in set { clock.set(alarm) }
        clock.stop(stopped)
        clock.set(bell("first", in: .seconds(-1)))
        let haveRung = await eventually { rung.withLock(\.count) == 3 }
        #expect(haveRung)
        #expect(rung.withLock { $0.map(\.name) } == ["first", "second", "third"])
        #expect(rung.withLock { $0.allSatisfy { $0.late >= .zero } })
        #expect(clock.count == 1)
        clock.stop(never)
        #expect(clock.count == 0)
    }

    @Test("calls that end in time leave no alarm behind")
    func noRest() async throws {
        let before = AlarmClock.shared.count
        for _ in 0..<1000 {
            #expect(try await Deadline.run(within: .seconds(3600)) { 1 } == 1)
        }
        // Other tests may have some at the same time.
        #expect(AlarmClock.shared.count < before + 1000)
    }
}
