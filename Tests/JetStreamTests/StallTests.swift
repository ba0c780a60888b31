import Synchronization
import Testing

@testable import JetStream

@Suite("A quiet consumer")
struct StallTests {
    private typealias Look = StallWatch.Look
    private let start = ContinuousClock.now

    @Test("is looked at after the time-out, and called stalled when two looks find the same")
    func twoLooks() {
        var watch = StallWatch(timeout: .seconds(10), now: start)
        var verdict = StallWatch.Verdict.quiet
        var isDue = watch.isDue(now: start)
        #expect(!isDue)
        isDue = watch.isDue(now: start + .seconds(9))
        #expect(!isDue)

        isDue = watch.isDue(now: start + .seconds(10))
        #expect(isDue)
        let look = Look(pending: 3, delivered: 7, mayDeliver: true)
        verdict = watch.looked(look, now: start + .seconds(10))
        #expect(verdict == .quiet)
        #expect(watch.deadline == start + .milliseconds(12_500))
        isDue = watch.isDue(now: start + .milliseconds(12_500))
        #expect(isDue)
        verdict = watch.looked(look, now: start + .milliseconds(12_500))
        #expect(verdict == .stalled(silence: .milliseconds(12_500)))
        // After that it starts over.
        verdict = watch.looked(look, now: start + .seconds(30))
        #expect(verdict == .quiet)
    }

    @Test("is not stalled when nothing is pending, nothing may come, others get messages, or a look fails")
    func quiet() {
        var verdict = StallWatch.Verdict.quiet
        let stalled = Look(pending: 3, delivered: 7, mayDeliver: true)
        for other in [
            Look(pending: 0, delivered: 7, mayDeliver: true), Look(pending: 3, delivered: 7, mayDeliver: false),
            Look(pending: 3, delivered: 8, mayDeliver: true), nil,
        ] {
            var watch = StallWatch(timeout: .seconds(10), now: start)
            verdict = watch.looked(stalled, now: start + .seconds(10))
            #expect(verdict == .quiet)
            verdict = watch.looked(other, now: start + .seconds(13))
            #expect(verdict == .quiet)
        }
        var watch = StallWatch(timeout: .seconds(10), now: start)
        verdict = watch.looked(stalled, now: start + .seconds(10))
        #expect(verdict == .quiet)
        watch.delivered(now: start + .seconds(11))
        let isDue = watch.isDue(now: start + .seconds(15))
        #expect(!isDue)
        #expect(watch.deadline == start + .seconds(21))
    }

    private final class Seen: Sendable {
        let stalls = Mutex<[PullStall]>([])
        let inboxes = Mutex<Set<Substring>>([])
    }

    @Test("gets a new subscription, asks through it, and is reported")
    func recreated() async throws {
        try await TestNATSServer.with { server in
            try await server.withConnection { connection in
                // A server of our own behind a domain: it says that messages are pending, and delivers none.
                let requests = try connection.subscribe(to: "$JS.stuck.API.>")
                try await connection.flush()
                let seen = Seen()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for try await request in requests {
                            guard let reply = request.reply else { continue }
                            if request.subject.contains("CONSUMER.INFO") {
                                let info =
                                    #"{"num_pending":5,"num_ack_pending":0,"delivered":{"consumer_seq":7},"config":{}}"#
                                try await connection.publish(NATSMessage(subject: reply, payload: info.bytes))
                            } else {
                                seen.inboxes.withLock { _ = $0.insert(reply.split(separator: ".")[1]) }
                                let heartbeat = NATSMessage(subject: reply, headers: ["Status": "100"])
                                try await connection.publish(heartbeat)
                            }
                        }
                    }
                    let consumer = try JetStreamContext(connection, domain: "stuck").messages(
                        stream: "S",
                        consumer: "c",
                        options: PullOptions(stallTimeout: .milliseconds(400)),
                        onStall: { stall in seen.stalls.withLock { $0.append(stall) } }
                    )
                    try await eventually("a new subscription asks") { seen.inboxes.withLock { $0.count } >= 2 }
                    #expect(consumer.statistics.recreations >= 1)
                    let stall = try #require(seen.stalls.withLock { $0.first })
                    #expect(stall.pending == 5)
                    #expect(stall.silence >= .milliseconds(400))
                    #expect(stall.description.contains("consumer 'c' of stream 'S' delivered none of 5"))
                    consumer.stop()
                    group.cancelAll()
                }
            }
        }
    }
}
