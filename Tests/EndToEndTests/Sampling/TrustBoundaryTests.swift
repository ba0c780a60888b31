import Contracts
import ContrailCLI
import TestKit
import Testing
import TraceBackend

extension EndToEnd {
    @Suite("Callers who are not trusted", .stack { _ in ["CONTRAIL_GRPC_CALLERS": "restart"] })
    struct TrustBoundaryTests {
        @Test("a service begins a trace of its own, with a link to the caller's")
        func restart() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let (order, callers) = try await shop.traced("order") { try await shop.createOrder(user: user.id) }
                let notification = try await shop.notification(ofOrder: order.id, event: "order.created")
                #expect(notification.traceID != callers)
                var own: Trace?
                var theirs: Trace?
                _ = await eventually {
                    own = shop.stack.traces.trace(notification.traceID)
                    theirs = shop.stack.traces.trace(callers)
                    let isComplete = own?.spans.contains { $0.kind == .server && $0.service == "orders" } == true
                    return isComplete && own?.services.contains("notifications") == true && theirs?.spans.count == 2
                }
                let trace = try #require(own)
                let server = try trace.only("the call") { $0.kind == .server && $0.service == "orders" }
                #expect(server.parentSpanID == nil)
                #expect(theirs?.services == ["contrail"])
                let call = try #require(theirs).only("the call of the client") { $0.kind == .client }
                #expect(server.links.map(\.traceID) == [callers])
                #expect(server.links.map(\.spanID) == [call.spanID])
                // The users service trusts the other services no more than anybody else.
                #expect(trace.services == ["notifications", "orders"])
                let text = try await Admin(shop.stack).get("orders", "/metrics").body
                for outcome in ["forced", "refused"] {
                    #expect(
                        Exposition.value("contrail_caller_sampling_total", ["outcome=\"\(outcome)\""], in: text) == 0
                    )
                }
            }
        }
    }
}
