internal import Contracts
public import ContrailInstrumentation
internal import GRPCCore
internal import PostgresEventStore
public import ServiceRuntime

/// The users service: customers, and the relay that publishes that they were created.
public enum UsersService: ServiceDefinition {
    /// `users`
    public static let name = "users"
    /// What `--help` says.
    public static let summary = "keeps the shop's customers"
    /// 50051
    public static let defaultGRPCPort = 50051
    /// 9101
    public static let defaultAdminPort = 9101
    /// The gRPC service, for health checks.
    public static let grpcServiceNames = [Contrail_Users_V1_UserService.descriptor.fullyQualifiedService]

    /// Puts the service together.
    public static func makeParts(_ settings: inout Settings, telemetry: Telemetry) throws -> ServiceParts {
        let storage = try ServiceStorage(
            name,
            migrations: UserStorage.migrations,
            settings: &settings,
            telemetry: telemetry
        )
        let publishing = try EventPublishing(
            name,
            streams: [.users],
            storage: storage,
            settings: &settings,
            telemetry: telemetry
        )
        let users = UserStorage(pool: storage.pool, propagators: telemetry.propagators) { publishing.committed([$0]) }
        return ServiceParts(
            preparations: [storage.preparation, publishing.preparation],
            work: [storage.work, publishing.connectionWork, publishing.relayWork],
            dependencies: [storage.dependency, publishing.dependency],
            grpcServices: [UserHandlers(storage: users)]
        )
    }
}
