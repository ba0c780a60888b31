import Contracts
import ContrailCLI
import ContrailInstrumentation
import Foundation
import GRPCCore
import Logging
import Observability
import ServiceRuntime
import SwiftProtobuf
import TestKit
import Testing
import TraceBackend

/// A client of the stack's services, as the `contrail` command is one.
struct Shop: Sendable {
    typealias Users = any Contrail_Users_V1_UserService.ClientProtocol
    typealias Orders = any Contrail_Orders_V1_OrderService.ClientProtocol
    typealias Notifications = any Contrail_Notifications_V1_NotificationService.ClientProtocol

    let stack: Stack
    let users: Users
    let orders: Orders
    let notifications: Notifications
    let bootstrap: Bootstrap

    /// Lends a client that is connected to the suite's stack.
    static func open<T: Sendable>(_ body: @Sendable (Shop) async throws -> T) async throws -> T {
        try await open(Stack.required(), body)
    }

    /// Lends a client with further variables of its own.
    static func open<T: Sendable>(
        _ stack: Stack,
        environment: [String: String] = [:],
        _ body: @Sendable (Shop) async throws -> T
    ) async throws -> T {
        let ports = stack.configuration.ports
        let bootstrap = Bootstrap(
            "contrail",
            environment: [
                "OTEL_EXPORTER_OTLP_ENDPOINT": stack.configuration.otlpEndpoint, "OTEL_BSP_SCHEDULE_DELAY": "100",
                "OTEL_BSP_MAX_QUEUE_SIZE": "20000",
            ].merging(environment) { $1 }
        ) { name in Logger(label: name) { _ in SwiftLogNoOpLogHandler() } }
        let clients = try [ports.users, ports.orders, ports.notifications].map { service in
            try TracedGRPCClient(
                target: NetworkAddress(host: "127.0.0.1", port: service.grpc),
                timeout: .seconds(10),
                telemetry: bootstrap.telemetry
            )
        }
        let shop = Shop(
            stack: stack,
            users: Contrail_Users_V1_UserService.Client(wrapping: clients[0].client),
            orders: Contrail_Orders_V1_OrderService.Client(wrapping: clients[1].client),
            notifications: Contrail_Notifications_V1_NotificationService.Client(wrapping: clients[2].client),
            bootstrap: bootstrap
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for client in clients { group.addTask { try await client.run() } }
            defer { for client in clients { client.beginGracefulShutdown() } }
            return try await body(shop)
        }
    }

    /// Makes a call the way a command does: below a root span of service `contrail`.
    func traced<T>(_ name: String, _ body: () async throws -> T) async throws -> (result: T, traceID: String) {
        try await bootstrap.telemetry.tracer("test").withSpan(name, parent: ActiveContext()) { span in
            (try await body(), span.spanContext.traceID.hex)
        }
    }

    func createUser(email: String? = nil) async throws -> Contrail_Users_V1_User {
        let address = email ?? "user-\(UUID().uuidString.lowercased())@example.com"
        return try await users.createUser(.with { ($0.email, $0.displayName) = (address, "Ada") }).user
    }

    func createOrder(
        user: String,
        key: String = "",
        lines: [Contrail_Orders_V1_OrderLine] = [
            .with { ($0.sku, $0.quantity, $0.unitPriceMinorUnits) = ("book", 2, 1250) }
        ]
    ) async throws -> Contrail_Orders_V1_Order {
        try await orders.createOrder(
            .with {
                $0.userID = user
                $0.currencyCode = "EUR"
                $0.lines = lines
                $0.idempotencyKey = key
            }
        ).order
    }

    /// The notifications of an order, oldest first.
    func notifications(ofOrder id: String) async throws -> [Contrail_Notifications_V1_Notification] {
        try await notifications.listNotifications(.with { ($0.orderID, $0.pageSize) = (id, 1000) })
            .notifications.reversed()
    }

    /// Waits for an order's notification of an event.
    func notification(
        ofOrder id: String,
        event: String,
        within timeout: Duration = .seconds(30)
    ) async throws -> Contrail_Notifications_V1_Notification {
        var found: Contrail_Notifications_V1_Notification?
        _ = try await eventually(within: timeout) {
            found = try await tolerating { try await notifications(ofOrder: id).first { $0.eventType == event } } ?? nil
            return found != nil
        }
        return try #require(found, "no notification of \(event) for order \(id) within \(timeout)")
    }

    /// Asks a service that may still be finding its way back to a server that was away.
    ///
    /// - Returns: The answer, or `nil` while the service says UNAVAILABLE.
    func tolerating<T>(_ call: () async throws -> T) async throws -> T? {
        do {
            return try await call()
        } catch let error as RPCError where error.code == .unavailable {
            return nil
        }
    }

    /// Waits until the trace of an event covers its whole journey.
    func journey(
        _ traceID: String,
        event: String? = nil,
        within timeout: Duration = .seconds(20)
    ) async throws -> (trace: Trace, journey: Journey) {
        var result: (trace: Trace, journey: Journey)?
        _ = await eventually(within: timeout) {
            guard let trace = stack.traces.trace(traceID) else { return false }
            let journey = Journey(trace, event: event)
            result = (trace, journey)
            return journey.isComplete
        }
        return try #require(result, "the receiver has no trace \(traceID)")
    }
}

extension Trace {
    /// The only span that a filter accepts.
    func only(
        _ what: String,
        sourceLocation: SourceLocation = #_sourceLocation,
        where filter: (TraceSpan) -> Bool
    ) throws -> TraceSpan {
        let matches = spans.filter(filter)
        let match = matches.count == 1 ? matches.first : nil
        return try #require(match, "\(matches.count) spans are \(what)", sourceLocation: sourceLocation)
    }
}

/// Makes a call that must be refused.
func refusal(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ call: () async throws -> Void
) async throws -> RPCError {
    do {
        try await call()
    } catch let error as RPCError {
        return error
    }
    return try #require(nil as RPCError?, "the call was not refused", sourceLocation: sourceLocation)
}
