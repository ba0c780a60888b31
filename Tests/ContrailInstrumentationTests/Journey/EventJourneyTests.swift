import Observability
import TestKit
import Testing

@testable import ContrailInstrumentation

@Suite("Journeys: every nanosecond belongs to one stage")
struct EventJourneyTests {
    private static let second: UInt64 = 1_000_000_000

    private static func failure(
        _ number: Int,
        _ times: AttemptTimes,
        failedAt: UInt64,
        because reason: String
    ) -> DeliveryAttempt {
        DeliveryAttempt(
            number: number,
            times: times,
            failedAt: failedAt,
            reason: reason,
            delay: .seconds(1),
            span: SpanContext(traceID: TraceID(high: 1, low: 2), spanID: SpanID(UInt64(number)), flags: [])
        )
    }

    @Test("an undisturbed journey goes through its stages once")
    func undisturbed() {
        let journey = EventJourney(
            Departure(accepted: 100, recorded: 110, published: 130, stored: 160),
            failures: [],
            attempt: AttemptTimes(start: 200, lookedUp: 250, delivered: 310),
            end: 380
        )
        #expect(journey.total == 280)
        #expect(Stage.allCases.map { journey[$0] } == [10, 20, 30, 40, 0, 50, 60, 70])
        #expect(journey.longestStage == .record)
        #expect(journey.longestRedeliveryReason == nil)
        #expect(journey.skew == 0)
    }

    @Test(
        "What a producer says that cannot be is left out: a call of hours, and what happened long after it was stored"
    )
    func impossibleInstants() {
        let (hour, stored) = (3600 * Self.second, 100_000 * Self.second)
        let honest = Departure(claimed: stored - 3, recorded: stored - 2, published: stored - 1, stored: stored)
        #expect(honest == Departure(accepted: stored - 3, recorded: stored - 2, published: stored - 1, stored: stored))
        // Clocks differ, and a call may last.
        let skewed = Departure(claimed: stored, recorded: stored + hour, published: stored + hour, stored: stored)
        #expect(
            skewed == Departure(accepted: stored, recorded: stored + hour, published: stored + hour, stored: stored)
        )
        let impossible = Departure(claimed: .max, recorded: .max, published: .max, stored: stored)
        #expect(impossible == Departure(accepted: nil, recorded: stored, published: nil, stored: stored))
        let endless = Departure(claimed: 1, recorded: stored - 2, published: stored - 1, stored: stored)
        #expect(endless.accepted == nil && endless.recorded == stored - 2)
        let overflowing = Departure(claimed: nil, recorded: .max, published: .max, stored: .max - 1)
        #expect(overflowing.recorded == .max && overflowing.published == .max)
    }

    @Test("failed attempts add to the stages that they reached, and the time between attempts has their reasons")
    func failures() {
        let journey = EventJourney(
            Departure(accepted: 0, recorded: 10, published: 20, stored: 30),
            failures: [
                Self.failure(1, AttemptTimes(start: 40), failedAt: 45, because: "unavailable"),
                Self.failure(2, AttemptTimes(start: 145, lookedUp: 150), failedAt: 160, because: "breaker_open"),
                Self.failure(3, AttemptTimes(start: 360, lookedUp: 361, delivered: 370), failedAt: 372, because: "x"),
            ],
            attempt: AttemptTimes(start: 400, lookedUp: 401, delivered: 403),
            end: 406
        )
        #expect(journey[.streamWait] == 10)
        #expect(journey[.redeliveryWait] == 100 + 200 + 28)
        #expect(journey[.lookup] == 5 + 5 + 1 + 1)
        #expect(journey[.deliver] == 10 + 9 + 2)
        #expect(journey[.record] == 2 + 3)
        #expect(journey.total == 406)
        #expect(journey.longestStage == .redeliveryWait)
        #expect(journey.longestRedeliveryReason == "breaker_open")
    }

    @Test("a producer that says nothing leaves its stages out")
    func foreignProducer() {
        let journey = EventJourney(
            Departure(accepted: nil, recorded: 50, published: nil, stored: 60),
            failures: [],
            attempt: AttemptTimes(start: 70),
            end: 90
        )
        #expect(journey.total == 40)
        #expect(journey[.accept] == 0 && journey[.outboxWait] == 0 && journey[.publish] == 10)
        // The handler said nothing of what it did.
        #expect(journey[.lookup] == 20)
    }

    @Test("attempts that nobody remembers are a wait for redelivery without a known reason")
    func forgottenAttempts() {
        let journey = EventJourney(
            Departure(accepted: 0, recorded: 1, published: 2, stored: 3),
            failures: [],
            attempt: AttemptTimes(start: 1000),
            hasForgottenAttempts: true,
            end: 1001
        )
        #expect(journey[.streamWait] == 0)
        #expect(journey[.redeliveryWait] == 997)
        #expect(journey.longestRedeliveryReason == EventJourney.forgotten)
    }

    @Test("a clock that is behind makes no negative wait: the stage is nothing, the difference is the skew")
    func skew() {
        // The broker's clock is 40 ns behind the relay's.
        let journey = EventJourney(
            Departure(accepted: 100, recorded: 110, published: 130, stored: 90),
            failures: [],
            attempt: AttemptTimes(start: 150, lookedUp: 151, delivered: 152),
            end: 160
        )
        #expect(journey.skew == 40)
        #expect(journey[.publish] == 0)
        #expect(journey[.streamWait] == 20)
        #expect(journey.total == 60)
    }

    @Test("the stages add up whatever the clocks say", arguments: 0..<4)
    func sums(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            func instant() -> UInt64 { UInt64.random(in: 0...1_000, using: &generator) }
            func maybe() -> UInt64? { Bool.random(using: &generator) ? instant() : nil }
            let failures = (1...4).prefix(Int.random(in: 0...4, using: &generator)).map { number in
                Self.failure(
                    number,
                    AttemptTimes(start: instant(), lookedUp: maybe(), delivered: maybe()),
                    failedAt: instant(),
                    because: ["a", "b"].randomElement(using: &generator) ?? ""
                )
            }
            let journey = EventJourney(
                Departure(accepted: maybe(), recorded: instant(), published: maybe(), stored: instant()),
                failures: failures,
                attempt: AttemptTimes(start: instant(), lookedUp: maybe(), delivered: maybe()),
                hasForgottenAttempts: Bool.random(using: &generator),
                end: instant()
            )
            let sum = Stage.allCases.reduce(0) { $0 + journey[$1] }
            #expect(sum == journey.total)
            #expect(journey.end >= journey.start)
            #expect(Stage.allCases.allSatisfy { journey[journey.longestStage] >= journey[$0] })
        }
    }

    @Test("without skew every stage is what its instants say", arguments: 0..<2)
    func ordered(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2_000 {
            let instants = (0..<8).map { _ in UInt64.random(in: 0...Self.second, using: &generator) }.sorted()
            let journey = EventJourney(
                Departure(accepted: instants[0], recorded: instants[1], published: instants[2], stored: instants[3]),
                failures: [],
                attempt: AttemptTimes(start: instants[4], lookedUp: instants[5], delivered: instants[6]),
                end: instants[7]
            )
            let waits = zip(instants.dropFirst(), instants).map { $0 - $1 }
            #expect(journey.skew == 0)
            #expect(Stage.allCases.filter { $0 != .redeliveryWait }.map { journey[$0] } == waits)
        }
    }
}
