internal import Contracts
internal import GRPCCore
internal import SwiftProtobuf

/// The standard health service, answered from the checks of `/readyz` that calls need.
///
/// Implements gRPC's health checking protocol: the empty name is the whole server, an unknown name is NOT_FOUND in
/// `Check` and SERVICE_UNKNOWN in `Watch`, which ends by itself only when the server stops.
struct HealthService: Grpc_Health_V1_Health.SimpleServiceProtocol {
    let serviceNames: [String]
    let readiness: Readiness
    /// How often `Watch` looks for a change.
    let watchInterval: Duration

    init(serviceNames: [String], readiness: Readiness, watchInterval: Duration = .seconds(1)) {
        self.serviceNames = serviceNames
        self.readiness = readiness
        self.watchInterval = watchInterval
    }

    func check(
        request: Grpc_Health_V1_HealthCheckRequest,
        context: ServerContext
    ) async throws -> Grpc_Health_V1_HealthCheckResponse {
        guard isKnown(request.service) else { throw RequestError.notFound("service", request.service) }
        let status = await status()
        return .with { $0.status = status }
    }

    func watch(
        request: Grpc_Health_V1_HealthCheckRequest,
        response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
        context: ServerContext
    ) async throws {
        var last: Grpc_Health_V1_HealthCheckResponse.ServingStatus?
        while !Task.isCancelled, !context.cancellation.isCancelled {
            // A server that stops says so and ends its watches; they would keep it from ending.
            let isStopping = readiness.isStopping
            let now = isKnown(request.service) ? await status() : .serviceUnknown
            if now != last {
                try await response.write(.with { $0.status = now })
                last = now
            }
            if isStopping { return }
            try await Task.sleep(for: watchInterval)
        }
    }

    func list(
        request: Grpc_Health_V1_HealthListRequest,
        context: ServerContext
    ) async throws -> Grpc_Health_V1_HealthListResponse {
        let status = await status()
        return .with { response in
            for name in serviceNames + [""] {
                response.statuses[name] = .with { $0.status = status }
            }
        }
    }

    private func isKnown(_ service: String) -> Bool {
        service.isEmpty || serviceNames.contains(service)
    }

    private func status() async -> Grpc_Health_V1_HealthCheckResponse.ServingStatus {
        await readiness.report().servesCalls ? .serving : .notServing
    }
}
