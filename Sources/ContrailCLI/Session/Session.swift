internal import Contracts
internal import ContrailInstrumentation
internal import Foundation
internal import GRPCCore
internal import Logging
internal import Observability
internal import ServiceRuntime

/// One command's telemetry and channels: every call it makes is part of a trace that begins here.
struct Session: Sendable {
    private let bootstrap: Bootstrap
    private let tracer: OTelTracer

    /// - Parameter environment: The variables; decides where traces are sent.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        // A command's output is its result; what the exporter has to say would only be in the way.
        bootstrap = Bootstrap("contrail", environment: environment) { name in
            Logger(label: name) { _ in SwiftLogNoOpLogHandler() }
        }
        tracer = bootstrap.telemetry.tracer("contrail.cli")
    }

    /// Runs a command's calls below a root span, then sends what was recorded.
    ///
    /// - Parameters:
    ///   - name: The root span's name.
    ///   - body: Makes the calls; gets the trace's id.
    func run<T>(_ name: String, _ body: (_ traceID: String) async throws -> T) async throws -> T {
        let result = await Self.result {
            try await tracer.withSpan(name, parent: ActiveContext()) { span in
                try await body(span.spanContext.traceID.hex)
            }
        }
        await flush()
        return try result.get()
    }

    /// Sends what was recorded so far; waits for at most two seconds when nobody takes it.
    func flush() async {
        await bootstrap.telemetry.provider.forceFlush(timeout: .seconds(2))
    }

    /// Runs calls that make no spans, such as polling for a result.
    func untraced<T>(_ body: () async throws -> T) async rethrows -> T {
        let silent = SpanContext(traceID: TraceID(high: 0, low: 1), spanID: SpanID(1), flags: [])
        return try await ActiveContext(spanContext: silent).run { try await body() }
    }

    /// Lends a channel to a service.
    func withClient<T: Sendable>(
        to target: NetworkAddress,
        _ body: @Sendable (TracedGRPCClient) async throws -> T
    ) async throws -> T {
        let client = try TracedGRPCClient(target: target, timeout: .seconds(10), telemetry: bootstrap.telemetry)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            let result = await Self.result { try await body(client) }
            client.beginGracefulShutdown()
            try await group.waitForAll()
            do {
                return try result.get()
            } catch let error as RPCError {
                throw Failure(error, target: target)
            }
        }
    }

    private static func result<T>(_ body: () async throws -> T) async -> Result<T, any Error> {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
}

extension Session {
    /// Lends the users service.
    func withUsers<T: Sendable>(
        at target: NetworkAddress,
        _ body: @Sendable (any Contrail_Users_V1_UserService.ClientProtocol) async throws -> T
    ) async throws -> T {
        try await withClient(to: target) { try await body(Contrail_Users_V1_UserService.Client(wrapping: $0.client)) }
    }

    /// Lends the orders service.
    func withOrders<T: Sendable>(
        at target: NetworkAddress,
        _ body: @Sendable (any Contrail_Orders_V1_OrderService.ClientProtocol) async throws -> T
    ) async throws -> T {
        try await withClient(to: target) { try await body(Contrail_Orders_V1_OrderService.Client(wrapping: $0.client)) }
    }

    /// Lends the notifications service.
    func withNotifications<T: Sendable>(
        at target: NetworkAddress,
        _ body: @Sendable (any Contrail_Notifications_V1_NotificationService.ClientProtocol) async throws -> T
    ) async throws -> T {
        try await withClient(to: target) {
            try await body(Contrail_Notifications_V1_NotificationService.Client(wrapping: $0.client))
        }
    }
}
