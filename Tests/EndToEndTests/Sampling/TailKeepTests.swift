import Contracts
import ContrailCLI
import Foundation
import Observability
import SwiftProtobuf
import Synchronization
import TestKit
import Testing
import TraceBackend

extension EndToEnd {
    @Suite(
        "At one per cent head sampling",
        .python,
        .peer(.mailSink),
        .stack { _ in
            [
                "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": "0.01",
                "CONTRAIL_TAIL_KEEP_MEBIBYTES": "2",
                "CONTRAIL_NOTIFICATION_LATE_AFTER": "2s",
                "CONTRAIL_NOTIFICATION_PROVIDER": "smtp",
                "CONTRAIL_SMTP_URL": "smtp://127.0.0.1:\(Peer.running[.mailSink]?.port ?? 0)",
            ]
        }
    )
    struct TailKeepTests {
        /// What happens to the notifications of a customer, by the first word of the address.
        private enum Trouble: String, CaseIterable {
            /// The mail server refuses each mail twice, and takes it at the third attempt.
            case retried = "busy"
            /// The mail server refuses the customer for good, and the event becomes a dead letter.
            case failed = "refused"
            /// The mail server takes three seconds, one more than the notification may have.
            case late = "slow"

            /// Orders that nobody samples at the head.
            var count: Int {
                switch self {
                case .retried: 20
                case .failed: 10
                case .late: 5
                }
            }
        }

        private static let untroubled = 260

        @Test(
            """
            every late, failed or retried notification's trace is complete and found from its measurements, few others are \
            kept, and memory is bounded
            """
        )
        func keepsWhatMatters() async throws {
            let stack = try Stack.required()
            let memory = try await HeldMemory.watching(stack) {
                try await Shop.open(stack) { sampling in
                    // Callers without tracing: the services decide, each order is a trace of its own.
                    try await Shop.open(stack, environment: ["OTEL_SDK_DISABLED": "true"]) { shop in
                        try await expectFewUntroubled(shop)
                        for trouble in Trouble.allCases {
                            try await expectComplete(trouble, shop, sampling: sampling)
                        }
                    }
                }
            }
            let bound = 2 << 20
            #expect(memory.count == 3)
            for (service, most) in memory {
                #expect(most <= bound, "\(service) held \(most) bytes")
                // Half of the bound and more was in use, so it was the bound that kept it there.
                if service == "notifications" { #expect(most > bound / 2) }
            }
            try await expectReasons(stack)
            try await expectExemplars(stack)
        }

        private func expectFewUntroubled(_ shop: Shop) async throws {
            let user = try await shop.createUser()
            try await place(Self.untroubled, shop, user: user.id)
            let told = try await shop.allNotifications(ofUser: user.id, event: "order.created", count: Self.untroubled)
            #expect(told.count == Self.untroubled)
            let head = Sampler.traceIDRatio(0.01)
            let chosen = try Set(
                told.map(\.traceID).filter { id in
                    head.shouldSample(parent: nil, traceID: try #require(TraceID(hex: id)))
                }
            )
            for trace in chosen { _ = try await shop.journey(trace) }
            // A machine that is busy with other things may make some of them late.
            let troubled = Set(told.filter { $0.attempts > 1 || $0.seconds > 1 }.map(\.traceID))
            let kept = Set(told.map(\.traceID)).filter { shop.stack.traces.trace($0) != nil }
            #expect(chosen.isSubset(of: kept))
            #expect(kept.subtracting(chosen).subtracting(troubled).count <= Self.untroubled / 50)
            #expect(kept.count - chosen.count <= Self.untroubled / 4, "\(kept.count) of \(told.count) are kept")
        }

        /// Places orders that go wrong, and compares their traces with that of one that was sampled from the start.
        private func expectComplete(_ trouble: Trouble, _ shop: Shop, sampling: Shop) async throws {
            let address = "\(trouble.rawValue)-\(UUID().uuidString.lowercased().prefix(8))@example.com"
            let user = try await shop.createUser(email: address)
            let (sampled, traceID) = try await sampling.traced("sampled") {
                try await sampling.createOrder(user: user.id)
            }
            var orders: [String] = []
            if trouble == .late {
                // One after the other: mails that wait for each other would end at their time-out, and be retried.
                _ = try await trace(ofOrder: sampled.id, trouble, shop)
                for _ in 0..<trouble.count {
                    orders += try await place(1, shop, user: user.id)
                    _ = try await trace(ofOrder: orders.last ?? "", trouble, shop)
                }
            } else {
                orders = try await place(trouble.count, shop, user: user.id)
            }
            #expect(orders.count == trouble.count)

            var expected = try await trace(ofOrder: sampled.id, trouble, shop)
            #expect(expected.trace.id == traceID)
            // The last spans of other services may be on their way.
            _ = await eventually(within: .seconds(20)) {
                if let trace = shop.stack.traces.trace(traceID) { expected = Shape(trace) }
                return expected.isWhole
            }
            #expect(expected.isWhole, "\(trouble): the trace that was sampled is incomplete")
            try expectTrouble(trouble, in: expected)
            for order in orders {
                var found = try await trace(ofOrder: order, trouble, shop)
                _ = await eventually(within: .seconds(10)) {
                    if let trace = shop.stack.traces.trace(found.trace.id) { found = Shape(trace) }
                    return found.lines == expected.lines
                }
                // A slow mail may be too slow on a busy machine, and is then sent again: more spans, but none less.
                if trouble == .late, found.attempts > 1 {
                    #expect(expected.lines.allSatisfy(found.lines.contains), "\(trouble): \(found.trace.id)")
                } else {
                    #expect(found.lines == expected.lines, "\(trouble): \(found.trace.id), \(found.errors)")
                    try expectTrouble(trouble, in: found)
                }
                #expect(found.isWhole)
                #expect(found.services == ["notifications", "orders", "users"])
            }
        }

        /// Waits for the trace of an order until its notification is over.
        private func trace(ofOrder id: String, _ trouble: Trouble, _ shop: Shop) async throws -> Shape {
            let last = trouble == .failed ? "term order.created" : "ack order.created"
            var known: String?
            var shape: Shape?
            _ = await eventually(within: .seconds(60)) {
                known =
                    known
                    ?? shop.stack.traces.summaries(limit: .max).map(\.traceID).first { trace in
                        shop.stack.traces.trace(trace)?.spans.contains {
                            $0.name == "process order.created" && $0.attributes["contrail.order.id"]?.stringValue == id
                        } == true
                    }
                shape = known.flatMap { shop.stack.traces.trace($0) }.map(Shape.init)
                return shape?.trace.spans.contains { $0.name == last } == true
            }
            return try #require(shape, "\(trouble): no trace of order \(id) was kept")
        }

        /// The fault really happened.
        private func expectTrouble(_ trouble: Trouble, in shape: Shape) throws {
            let attempts = shape.trace.spans.filter { $0.name == "process order.created" }
            let failed = attempts.filter { $0.status.code == .error }
            switch trouble {
            case .retried:
                #expect(attempts.count == 3 && failed.count == 2)
                #expect(shape.trace.spans.filter { $0.name == "redelivery wait" }.count == 2)
            case .failed:
                #expect(attempts.count == 1 && failed.count == 1)
                #expect(attempts.first?.attributes["contrail.dead_letter.reason"] == "refused_by_provider")
            case .late:
                #expect(attempts.count == 1 && failed.isEmpty)
                #expect(attempts.allSatisfy { $0.durationNanoseconds > 2_000_000_000 })
            }
        }

        private func expectReasons(_ stack: Stack) async throws {
            let admin = Admin(stack)
            let kept = { (service: String, reason: String) in
                let text = try await admin.get(service, "/metrics").body
                return Exposition.value("contrail_trace_kept_total", ["reason=\"\(reason)\""], in: text) ?? 0
            }
            let troubled = Double(Trouble.allCases.map(\.count).reduce(0, +))
            let (errors, late) = try await (kept("notifications", "error"), kept("notifications", "late"))
            #expect(errors >= 30)
            #expect(late >= 1)
            // One that was both is counted by what came first.
            #expect(errors + late >= troubled)
            #expect(try await kept("orders", "remote") >= troubled)
            #expect(try await kept("users", "remote") >= troubled)
            let held = try await admin.get("notifications", "/metrics").body
            let evicted = Exposition.value("contrail_trace_tail_spans_total", ["outcome=\"evicted\""], in: held) ?? 0
            #expect(evicted > 0, "nothing had to make room")
            #expect(Exposition.value("contrail_trace_keep_refused_total", [], in: held) == 0)
        }

        /// What counts troubled notifications leads to one of them, although the head chose none.
        private func expectExemplars(_ stack: Stack) async throws {
            let text = try await Admin(stack).openMetrics("notifications")
            let series = [
                ("notification_dead_lettered_total{reason=\"refused_by_provider\"}", "contrail.dead_letter.reason"),
                ("notification_late_total{cause=\"deliver\",reason=\"\"}", "contrail.notification.late"),
            ]
            for (name, attribute) in series {
                let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name) }, "there is no \(name)")
                let found = try #require(line.firstMatch(of: #/# \{trace_id="([0-9a-f]{32})"/#), "no exemplar: \(line)")
                let id = try #require(TraceID(hex: String(found.1)))
                #expect(!Sampler.traceIDRatio(0.01).shouldSample(parent: nil, traceID: id), "\(id) was no verdict")
                let trace = try #require(stack.traces.trace(id.hex), "the trace \(id) of \(name) was not kept")
                #expect(trace.spans.contains { $0.attributes[attribute] != nil })
            }
        }

        @discardableResult
        private func place(_ count: Int, _ shop: Shop, user: String) async throws -> [String] {
            try await withThrowingTaskGroup(of: [String].self) { group in
                for client in 0..<4 {
                    group.addTask {
                        var orders: [String] = []
                        for _ in stride(from: client, to: count, by: 4) {
                            orders.append(try await shop.createOrder(user: user).id)
                        }
                        return orders
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
        }
    }
}

/// What the services did in a trace, in a form that is equal for traces of one kind.
private struct Shape {
    let trace: Trace
    /// One line a span, from the call of the orders service on; siblings are sorted by name.
    let lines: [String]

    var services: [String] { trace.services.filter { $0 != "contrail" } }

    /// What went wrong, by span.
    var errors: [String] {
        trace.spans.filter { $0.status.code == .error }.map { "\($0.name): \($0.status.message)" }
    }

    /// Whether every call has both sides and the users service's statement, and nothing hangs in the air.
    var isWhole: Bool {
        let calls = trace.spans.filter { $0.name.hasSuffix("/GetUser") }
        let clients = calls.filter { $0.kind == .client }.count
        return clients > 0 && calls.count == 2 * clients
            && trace.spans.filter { $0.service == "users" && $0.name == "SELECT users" }.count == clients
            && TraceTree(trace).orphans.isEmpty
    }

    init(_ trace: Trace) {
        self.trace = trace
        let tree = TraceTree(trace)
        let roots = tree.nodes.indices.filter { index in
            let parent = tree.nodes[index].parent.map { tree.nodes[$0].span.service }
            return tree.nodes[index].span.service != "contrail" && (parent == nil || parent == "contrail")
        }
        lines = roots.flatMap { Self.lines(of: $0, in: tree, depth: 0) }
    }

    /// How often the event was delivered.
    var attempts: Int { trace.spans.count { $0.name == "process order.created" } }

    private static func lines(of index: Int, in tree: TraceTree, depth: Int) -> [String] {
        let node = tree.nodes[index]
        let line = String(repeating: "  ", count: depth) + "\(node.span.service): \(node.span.name) [\(node.span.kind)]"
        let children = node.children.map { lines(of: $0, in: tree, depth: depth + 1) }
        return [line] + children.sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 }
    }
}

/// The most that each service held for a verdict while a test ran.
private final class HeldMemory: Sendable {
    private let most = Mutex<[String: Int]>([:])

    static func watching(_ stack: Stack, _ body: @Sendable () async throws -> Void) async throws -> [String: Int] {
        let memory = HeldMemory()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    for service in ["users", "orders", "notifications"] { await memory.look(at: service, stack) }
                    try? await Task.sleep(for: .milliseconds(100))
                }
            }
            defer { group.cancelAll() }
            try await body()
        }
        return memory.most.withLock { $0 }
    }

    private func look(at service: String, _ stack: Stack) async {
        // With exemplars: each scrape has the next measurements take some.
        guard let text = try? await Admin(stack).openMetrics(service),
            let held = Exposition.value("contrail_trace_tail_held_bytes", [], in: text)
        else { return }
        most.withLock { $0[service] = max($0[service] ?? 0, Int(held)) }
    }
}

extension Contrail_Notifications_V1_Notification {
    /// How old the event was when it had been delivered.
    fileprivate var seconds: Double { deliveredAt.timeIntervalSince1970 - occurredAt.timeIntervalSince1970 }
}
