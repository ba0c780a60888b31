internal import Contracts
internal import ContrailInstrumentation
internal import GRPCCore
internal import Logging
internal import Observability
internal import SwiftProtobuf

/// Asks the service that listens at an address of this machine whether it is ready: what containers are checked by, which
/// have no other client.
///
/// Implements the client's side of gRPC's health checking protocol, for the server as a whole.
struct HealthCheck {
    /// What came of it.
    struct Outcome {
        /// Whether the service is ready.
        let isHealthy: Bool
        /// One line: `127.0.0.1:50051 SERVING`.
        let message: String
    }

    /// Where to ask.
    let target: NetworkAddress
    /// How long the answer may take. More than a second, which is what a dependency has for its own answer.
    let timeout: Duration

    /// Creates a check.
    ///
    /// - Parameters:
    ///   - listening: Where the service listens; all interfaces are asked by the loopback one.
    ///   - timeout: How long the answer may take.
    init(listening: NetworkAddress, timeout: Duration = .seconds(3)) {
        target = NetworkAddress(host: Self.reachable(listening.host), port: listening.port)
        self.timeout = timeout
    }

    /// Asks once.
    func run() async -> Outcome {
        do {
            let status = try await ask()
            return Outcome(isHealthy: status == .serving, message: "\(target) \(Self.name(of: status))")
        } catch let error as RPCError {
            return Outcome(isHealthy: false, message: "\(target) does not answer: \(error.code): \(error.message)")
        } catch {
            return Outcome(isHealthy: false, message: "\(target) does not answer: \(error)")
        }
    }

    private func ask() async throws -> Grpc_Health_V1_HealthCheckResponse.ServingStatus {
        let channel = try TracedGRPCClient(target: target, timeout: timeout, telemetry: .disabled)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await channel.run() }
            defer { channel.beginGracefulShutdown() }
            let health = Grpc_Health_V1_Health.Client(wrapping: channel.client)
            return try await health.check(.init()).status
        }
    }

    private static func reachable(_ host: String) -> String {
        switch host {
        case "0.0.0.0": "127.0.0.1"
        case "::": "::1"
        default: host
        }
    }

    /// The status as the protocol writes it.
    private static func name(of status: Grpc_Health_V1_HealthCheckResponse.ServingStatus) -> String {
        switch status {
        case .serving: "SERVING"
        case .notServing: "NOT_SERVING"
        case .serviceUnknown: "SERVICE_UNKNOWN"
        default: "UNKNOWN"
        }
    }
}

extension Telemetry {
    /// Records nothing.
    static var disabled: Telemetry {
        Telemetry(
            provider: TracerProvider(
                resource: Resource(attributes: [:]),
                processor: NoOpSpanProcessor(),
                isEnabled: false
            ),
            metrics: MetricsRegistry(),
            logger: Logger(label: "disabled") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}
