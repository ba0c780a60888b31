internal import Contracts
public import ContrailInstrumentation
internal import EventSourcing
internal import GRPCCore
internal import Logging
internal import PostgresEventStore
public import ServiceRuntime

/// The orders service: commands on event-sourced orders, and the relay that publishes what happened.
public enum OrdersService: ServiceDefinition {
    /// `orders`
    public static let name = "orders"
    /// What `--help` says.
    public static let summary = "takes orders and publishes what happens to them"
    /// 50052
    public static let defaultGRPCPort = 50052
    /// 9102
    public static let defaultAdminPort = 9102
    /// The gRPC service, for health checks.
    public static let grpcServiceNames = [Contrail_Orders_V1_OrderService.descriptor.fullyQualifiedService]

    /// Puts the service together.
    public static func makeParts(_ settings: inout Settings, telemetry: Telemetry) throws -> ServiceParts {
        let storage = try ServiceStorage(
            name,
            migrations: [EventStoreSchema.events, EventStoreSchema.outbox, EventStoreSchema.outboxTotals],
            settings: &settings,
            telemetry: telemetry
        )
        let publishing = try EventPublishing(
            name,
            streams: [.orders],
            storage: storage,
            settings: &settings,
            telemetry: telemetry
        )
        let users = try settings.client(
            "users",
            default: NetworkAddress(host: "127.0.0.1", port: 50051),
            telemetry: telemetry
        ) { Contrail_Users_V1_UserService.Client(wrapping: $0) as any Contrail_Users_V1_UserService.ClientProtocol }
        let store = PostgresEventStore(pool: storage.pool) { publishing.committed($0) }
        let handlers = OrderHandlers(
            store: store,
            customers: RemoteCustomerDirectory(users: users),
            propagators: telemetry.propagators
        )
        return ServiceParts(
            preparations: [storage.preparation, publishing.preparation],
            work: [storage.work, publishing.connectionWork, .client("users client", users), publishing.relayWork],
            dependencies: [storage.dependency, publishing.dependency],
            grpcServices: [handlers]
        )
    }
}
