import Resilience
import TestKit
import Testing

@Suite("Exponential backoff")
struct ExponentialBackoffTests {

    @Test("ceilings double from the initial delay up to the maximum")
    func ceilings() {
        let backoff = ExponentialBackoff(initial: .milliseconds(100), maximum: .seconds(1))
        let ceilings = (1...7).map { backoff.ceiling(afterFailures: $0) }
        #expect(ceilings == [100, 200, 400, 800, 1000, 1000, 1000].map { .milliseconds($0) })
    }

    @Test("before the first failure the ceiling is that of the first")
    func noFailure() {
        let backoff = ExponentialBackoff(initial: .milliseconds(100), maximum: .seconds(1))
        for failures in [0, -1, Int.min] { #expect(backoff.ceiling(afterFailures: failures) == .milliseconds(100)) }
    }

    @Test("another multiplier grows otherwise, one below one does not shrink")
    func multiplier() {
        let triple = ExponentialBackoff(initial: .seconds(1), maximum: .seconds(20), multiplier: 3)
        #expect((1...4).map { triple.ceiling(afterFailures: $0) } == [1, 3, 9, 20].map { .seconds($0) })
        for multiplier in [1, 0.5, 0, -2, -.infinity, .nan] {
            let constant = ExponentialBackoff(initial: .seconds(1), maximum: .seconds(20), multiplier: multiplier)
            #expect(constant.ceiling(afterFailures: 10) == .seconds(1))
        }
    }

    @Test("the maximum also bounds the first delay")
    func initialAboveMaximum() {
        let backoff = ExponentialBackoff(initial: .seconds(5), maximum: .seconds(2))
        #expect(backoff.ceiling(afterFailures: 1) == .seconds(2))
    }

    @Test("any number of failures and any growth has an answer at once")
    func extremes() {
        let failures = Int.max
        func ceiling(_ initial: Duration, _ maximum: Duration, _ multiplier: Double) -> Duration {
            ExponentialBackoff(initial: initial, maximum: maximum, multiplier: multiplier)
                .ceiling(afterFailures: failures)
        }
        #expect(ceiling(.milliseconds(1), .seconds(30), 2) == .seconds(30))
        #expect(ceiling(.milliseconds(1), .seconds(30), 1) == .milliseconds(1))
        #expect(ceiling(.zero, .seconds(30), 2) == .zero)
        #expect(ceiling(.seconds(1), .seconds(30), .infinity) == .seconds(30))
        #expect(ceiling(.seconds(1), .seconds(30), .greatestFiniteMagnitude) == .seconds(30))
        #expect(ceiling(.seconds(1), .seconds(Int64.max / 2), 10) == .seconds(Int64.max / 2))
    }

    @Test("draws spread evenly over the jitter's range", arguments: [ExponentialBackoff.Jitter.full, .equal])
    func spread(jitter: ExponentialBackoff.Jitter) {
        var generator = SeededGenerator(seed: 1)
        let backoff = ExponentialBackoff(initial: .seconds(1), maximum: .seconds(1), jitter: jitter)
        let low = jitter == .full ? 0 : 0.5
        var tenths = Array(repeating: 0, count: 10)
        for _ in 0..<10_000 {
            let delay = backoff.delay(afterFailures: 1, using: &generator) / .seconds(1)
            tenths[min(9, Int((delay - low) / (1 - low) * 10))] += 1
        }
        // A thousand each; five standard deviations are 150.
        #expect(tenths.allSatisfy { (850...1150).contains($0) }, "\(tenths)")
    }

    @Test("every delay keeps its range, ceilings never fall and never exceed the maximum")
    func property() throws {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<10_000 {
            let backoff = ExponentialBackoff(
                initial: .nanoseconds(Int64.random(in: 0...10_000_000_000, using: &generator)),
                maximum: .nanoseconds(Int64.random(in: 0...100_000_000_000, using: &generator)),
                multiplier: Double.random(in: 0...10, using: &generator),
                jitter: Bool.random(using: &generator) ? .full : .equal
            )
            let failures = Int.random(in: 0...40, using: &generator)
            let ceiling = backoff.ceiling(afterFailures: failures)
            try #require(ceiling <= backoff.maximum)
            try #require(ceiling <= backoff.ceiling(afterFailures: failures + 1))
            let delay = backoff.delay(afterFailures: failures, using: &generator)
            // A product is rounded to attoseconds.
            let low = backoff.jitter == .full ? .zero : ceiling / 2 - .nanoseconds(1)
            try #require((low...ceiling).contains(delay), "\(backoff) \(delay)")
        }
    }

    @Test("the same seed draws the same delays, the system draws different ones")
    func randomness() {
        let backoff = ExponentialBackoff(initial: .seconds(1), maximum: .seconds(60))
        var one = SeededGenerator(seed: 3)
        var other = SeededGenerator(seed: 3)
        for failures in 1...10 {
            #expect(
                backoff.delay(afterFailures: failures, using: &one)
                    == backoff.delay(afterFailures: failures, using: &other)
            )
        }
        #expect(Set((0..<20).map { _ in backoff.delay(afterFailures: 1) }).count > 1)
    }
}
