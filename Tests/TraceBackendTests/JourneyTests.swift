internal import Testing

@testable internal import TraceBackend

@Suite("Journey")
struct JourneyTests {
    private func microseconds(_ journey: Journey, _ stage: Journey.Stage) -> UInt64? {
        journey[stage].map { $0.durationNanoseconds / 1000 }
    }

    /// The promise of the stage table: its parts are the whole.
    private func expectSum(_ journey: Journey, sourceLocation: SourceLocation = #_sourceLocation) {
        let sum = journey.stages.reduce(UInt64(0)) { $0 + $1.durationNanoseconds }
        #expect(sum == journey.endToEndNanoseconds, sourceLocation: sourceLocation)
    }

    @Test("A complete order has every stage, nothing is missing, and the longest stage is the cause")
    func complete() {
        let journey = Journey(SyntheticOrder.order().trace)
        #expect(journey.missing == [])
        #expect(journey.isComplete)
        #expect(journey.isRecorded)
        #expect(journey.event?.type == "order.created")
        #expect(journey.event?.id == "0190f3c8-5d2e-7c11-9a55-3b1e0c9d7f01")
        #expect(journey.command == SyntheticOrder.createOrder)
        #expect(journey.endToEndNanoseconds == 27_600_000)
        #expect(journey.stages.map(\.stage) == Journey.Stage.allCases)
        #expect(microseconds(journey, .accept) == 4_000)
        #expect(microseconds(journey, .outboxWait) == 1_500)
        // The acknowledgement came 0.2 ms after the message was stored: that time is the stream's.
        #expect(microseconds(journey, .publish) == 1_500)
        #expect(microseconds(journey, .streamWait) == 600)
        #expect(microseconds(journey, .redeliveryWait) == 0)
        #expect(journey[.redeliveryWait]?.startNanoseconds == nil)
        #expect(microseconds(journey, .lookup) == 2_000)
        #expect(microseconds(journey, .deliver) == 12_000)
        #expect(microseconds(journey, .record) == 5_000)
        #expect(microseconds(journey, .other) == 1_000)
        #expect(journey.cause == .deliver)
        #expect(journey.skews.isEmpty)
        expectSum(journey)
    }

    @Test("Failed attempts are listed, and the waits between them can be the cause")
    func redelivered() {
        let journey = Journey(SyntheticOrder.order(failures: ["450 greylisted", "450 greylisted"]).trace)
        #expect(journey.missing == [])
        #expect(journey.attempts.map(\.error) == ["450 greylisted", "450 greylisted", nil])
        #expect(journey[.redeliveryWait]?.count == 2)
        #expect(microseconds(journey, .redeliveryWait) == 200_000)
        #expect(microseconds(journey, .deliver) == 68_000)
        #expect(microseconds(journey, .lookup) == 6_000)
        #expect(journey.cause == .redeliveryWait)
        expectSum(journey)
    }

    @Test(
        "What is absent is named",
        arguments: [
            ("deliver smtp", ["no `deliver` span under `process order.created`"]),
            ("outbox wait", ["no `outbox wait` span beside `publish order.created`"]),
            ("stream wait", ["no `stream wait` span under `publish order.created`"]),
            ("INSERT events outbox", ["no database span under `contrail.orders.v1.OrderService/CreateOrder`"]),
            ("INSERT notifications", ["no database span under `record`"]),
        ]
    )
    func missing(_ name: String, _ phrases: [String]) {
        let journey = Journey(SyntheticOrder.order().without(name))
        #expect(journey.missing == phrases)
        #expect(journey.endToEndNanoseconds == 27_600_000)
        expectSum(journey)
    }

    @Test("Without a record span the journey goes as far as is known")
    func unrecorded() {
        let order = SyntheticOrder.order()
        let lost: Set<String> = ["record", "INSERT notifications", "ack order.created"]
        let unrecorded = order.spans.filter { !lost.contains($0.name) }
        let journey = Journey(Trace(id: SyntheticOrder.traceID, spans: unrecorded))
        #expect(journey.missing == ["no `record` span under `process order.created`"])
        #expect(!journey.isRecorded)
        #expect(journey.endToEndNanoseconds == 27_600_000)
        expectSum(journey)
    }

    @Test("A trace whose consumer never reported ends at the acknowledgement")
    func unconsumed() {
        let order = SyntheticOrder.order()
        let produced = order.spans.filter { $0.service != "notifications" }
        let journey = Journey(Trace(id: SyntheticOrder.traceID, spans: produced))
        #expect(journey.missing.contains("no `process order.created` span under `publish order.created`"))
        #expect(journey.endToEndNanoseconds == 7_200_000)
        expectSum(journey)
    }

    @Test("Orphans, roots and a lost retry wait are named")
    func traceProblems() {
        var order = SyntheticOrder.order(failures: ["timeout"])
        order.add("stray", of: "users", from: 0, to: 1)
        let journey = Journey(order.without("redelivery wait"))
        #expect(
            journey.missing == [
                "2 roots", "0 `redelivery wait` spans for 2 attempts under `publish order.created`",
            ]
        )
        let orphaned = Journey(SyntheticOrder.order().without("publish order.created"))
        #expect(orphaned.event == nil)
        #expect(orphaned.missing.first?.hasPrefix("orphan span `stream wait`") == true)
        #expect(orphaned.missing.last == "no `publish …` span")
        expectSum(orphaned)
    }

    @Test("An empty trace and an unknown event are a journey with nothing but what is missing")
    func nothing() {
        let empty = Journey(Trace(id: SyntheticOrder.traceID, spans: []))
        #expect(empty.missing == ["no root span", "no SERVER span that accepts a command", "no `publish …` span"])
        #expect(empty.cause == nil)
        let unknown = Journey(SyntheticOrder.order().trace, event: "order.paid")
        #expect(unknown.missing.last == "no publish span of the event `order.paid`")
        #expect(unknown.endToEndNanoseconds == 0)
    }

    @Test("Of several events the first is taken, or the one that is asked for")
    func severalEvents() {
        var order = SyntheticOrder.order()
        let server = order.spans.first { $0.kind == .server && $0.service == "orders" }
        order.add(
            "publish order.paid",
            .producer,
            of: "orders",
            below: server?.spanID,
            from: 9_000,
            to: 9_500,
            stage: "publish",
            attributes: ["cloudevents.event_type": "order.paid", "cloudevents.event_id": "paid-1"]
        )
        #expect(Journey(order.trace).event?.type == "order.created")
        #expect(Journey(order.trace, event: "paid-1").event?.type == "order.paid")
        #expect(Journey(order.trace, event: "order.paid")[.publish]?.durationNanoseconds == 500_000)
        #expect(Journey.all(in: order.trace).map { $0.event?.type } == ["order.created", "order.paid"])
    }

    @Test("A slow acknowledgement does not hide that the message is already being worked on")
    func overlapping() {
        var order = SyntheticOrder.order()
        order.change("publish order.created") { $0.endNanoseconds = SyntheticOrder.time(50_000) }
        let journey = Journey(order.trace)
        #expect(journey.endToEndNanoseconds == 27_600_000)
        #expect(microseconds(journey, .deliver) == 12_000)
        // 1.5 ms until the message is stored, and 1 ms in the handler that no other stage covers.
        #expect(microseconds(journey, .publish) == 2_500)
        #expect(microseconds(journey, .other) == 0)
        expectSum(journey)
    }

    @Test(
        "A consumer whose clock is behind shows as skew, and no stage is negative",
        arguments: [
            -50_000, -3_600_000_000,
        ]
    )
    func skewed(_ clock: Int) {
        let journey = Journey(SyntheticOrder.order(consumerClock: clock).trace)
        // Nothing is processed before its publish began at 6.5 ms; the consumer said 8.6 ms minus the skew.
        let least = UInt64(6_500 - 8_600 - clock) * 1000
        #expect(
            journey.skews.contains {
                $0.service == "notifications" && $0.reference == "orders" && $0.nanoseconds == least
            }
        )
        #expect(journey.missing == [])
        #expect(microseconds(journey, .deliver) == 12_000)
        #expect(microseconds(journey, .record) == 5_000)
        #expect(microseconds(journey, .streamWait) == 0)
        #expect(journey.endToEndNanoseconds == 25_500_000)
        #expect(journey.cause == .deliver)
        expectSum(journey)
    }

    @Test("A wait that ends before it starts is empty and shows as skew")
    func negativeWait() {
        var order = SyntheticOrder.order()
        order.change("stream wait") { $0.startNanoseconds = SyntheticOrder.time(12_000) }
        let journey = Journey(order.trace)
        #expect(microseconds(journey, .streamWait) == 0)
        #expect(
            journey.skews.map(\.description) == [
                "`stream wait`: the clock of notifications is at least 3.40 ms behind that of the broker"
            ]
        )
        expectSum(journey)
    }

    @Test("Sets of periods are joined, cut and subtracted")
    func periods() {
        func set(_ pairs: (Int64, Int64)...) -> PeriodSet { PeriodSet(pairs.map { .init(start: $0, end: $1) }) }
        #expect(set((5, 9), (0, 3), (2, 4), (7, 7)) == set((0, 4), (5, 9)))
        #expect(set((0, 10)).subtracting(set((2, 3), (5, 20))) == set((0, 2), (3, 5)))
        #expect(set((0, 4), (6, 8)).subtracting(set((3, 7))) == set((0, 3), (7, 8)))
        #expect(set((0, 4), (6, 8)).intersection(set((3, 7))) == set((3, 4), (6, 7)))
        #expect(set().subtracting(set((0, 1))) == set())
    }
}
