internal import Foundation
internal import HTTPTransport
public import LocalStack
public import Logging
public import TraceBackend

/// The local stack: NATS, PostgreSQL, a trace receiver in this process, and the three services as processes.
public struct Stack: Sendable {
    /// Where everything runs.
    public let configuration: StackConfiguration
    /// The broker.
    public let nats: NATSServer
    /// The database server.
    public let postgres: PostgresServer
    /// The services by name, in start order.
    public let services: [(name: String, process: ServiceProcess)]
    /// The traces that the services sent; empty when they are sent elsewhere.
    public let traces: TraceStore

    /// Starts the stack, lends it to a body, and stops it in reverse order, whatever happens.
    ///
    /// - Parameters:
    ///   - configuration: What runs where.
    ///   - logger: Receives details.
    ///   - onEvent: Receives progress.
    ///   - body: Uses the stack.
    /// - Returns: What the body returns.
    /// - Throws: `LocalStackError` when a part cannot be started, or what the body throws.
    public static func run<T: Sendable>(
        _ configuration: StackConfiguration,
        logger: Logger,
        onEvent: @escaping StackEventHandler = { _ in },
        _ body: @escaping @Sendable (Stack) async throws -> T
    ) async throws -> T {
        let lock = try FolderLock(configuration.directory)
        defer { withExtendedLifetime(lock) {} }
        let traces = TraceStore()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            if configuration.externalTraces == nil {
                try requireFree(
                    configuration.ports.otlp,
                    "OTLP",
                    hint:
                        "is another stack running? To send traces to what listens there, set OTEL_EXPORTER_OTLP_ENDPOINT"
                )
                try requireFree(
                    configuration.ports.query,
                    "trace queries",
                    hint: "is another stack or a Jaeger running?"
                )
                let receiver = OTLPReceiver(store: traces, port: configuration.ports.otlp, logger: logger)
                let query = TraceQueryServer(store: traces, port: configuration.ports.query, logger: logger)
                group.addTask { try await receiver.run() }
                group.addTask { try await query.run() }
            }
            defer { group.cancelAll() }
            return try await withServers(configuration, traces: traces, logger: logger, onEvent: onEvent, body)
        }
    }

    private static func withServers<T>(
        _ configuration: StackConfiguration,
        traces: TraceStore,
        logger: Logger,
        onEvent: @escaping StackEventHandler,
        _ body: @Sendable (Stack) async throws -> T
    ) async throws -> T {
        let folder = configuration.directory
        async let startingNATS = NATSServer.start(
            in: folder + "/nats",
            port: configuration.ports.nats,
            monitoringPort: configuration.ports.natsMonitoring,
            logger: logger,
            onEvent: onEvent
        )
        async let startingPostgres = PostgresServer.start(
            in: folder + "/postgres",
            port: configuration.ports.postgres,
            fsync: configuration.fsync,
            logger: logger,
            onEvent: onEvent
        )
        let nats: NATSServer
        do {
            nats = try await startingNATS
        } catch {
            _ = try? await startingPostgres.stop()
            throw error
        }
        let postgres: PostgresServer
        do {
            postgres = try await startingPostgres
        } catch {
            _ = await nats.stop()
            throw error
        }
        var services: [(name: String, process: ServiceProcess)] = []
        let result: Result<T, any Error>
        do {
            for name in ["users", "orders", "notifications"] {
                let process = try await start(
                    name,
                    configuration: configuration,
                    nats: nats,
                    postgres: postgres,
                    logger: logger,
                    onEvent: onEvent
                )
                services.append((name, process))
            }
            let http = try CurlClient()
            for (name, process) in services {
                let url = "http://127.0.0.1:\(configuration.admin(of: name))/readyz"
                try await process.waitUntilReady(timeout: .seconds(60)) {
                    (try? await http.send(HTTPRequest(url: url, timeout: .seconds(2))))?.status == 200
                }
            }
            await http.shutdown()
            let stack = Stack(
                configuration: configuration,
                nats: nats,
                postgres: postgres,
                services: services,
                traces: traces
            )
            result = .success(try await body(stack))
        } catch {
            result = .failure(error)
        }
        // Services first, so that they can finish against a broker and a database that are still there.
        await withTaskGroup(of: Void.self) { group in
            for (_, process) in services {
                group.addTask { await process.stop(grace: .seconds(15)) }
            }
        }
        await nats.stop()
        await postgres.stop()
        return try result.get()
    }

    private static func start(
        _ name: String,
        configuration: StackConfiguration,
        nats: NATSServer,
        postgres: PostgresServer,
        logger: Logger,
        onEvent: @escaping StackEventHandler
    ) async throws -> ServiceProcess {
        let program = "\(configuration.programs)/\(name)-service"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw LocalStackError(code: .notInstalled, message: "\(program) is missing; build it with “make build”")
        }
        let ports = configuration.service(name)
        try requireFree(ports.grpc, "gRPC of \(name)", hint: "is another stack running?")
        try requireFree(ports.admin, "the admin endpoint of \(name)", hint: "is another stack running?")
        var environment = ProcessInfo.processInfo.environment
        // They are about the shell's user, not about three services: one name for all, or traces that go elsewhere.
        environment["OTEL_SERVICE_NAME"] = nil
        environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = nil
        environment.merge(try await postgres.ensureDatabase(name: name)) { $1 }
        environment.merge([
            "NATS_URL": nats.url,
            "CONTRAIL_GRPC_LISTEN": "127.0.0.1:\(ports.grpc)",
            "CONTRAIL_ADMIN_LISTEN": "127.0.0.1:\(ports.admin)",
            "CONTRAIL_USERS_TARGET": "127.0.0.1:\(configuration.ports.users.grpc)",
            "OTEL_EXPORTER_OTLP_ENDPOINT": configuration.externalTraces ?? configuration.otlpEndpoint,
            // People look at a trace right after they made it; five seconds feel broken.
            "OTEL_BSP_SCHEDULE_DELAY": "250",
        ]) { $1 }
        environment.merge(configuration.environment) { $1 }
        return try await ServiceProcess.start(
            name: name,
            command: Command(executable: program, environment: environment, parentDeathSignal: .terminate),
            in: configuration.directory + "/services",
            logger: logger,
            onEvent: onEvent
        )
    }

    private static func requireFree(_ port: Int, _ user: String, hint: String) throws {
        guard !FreePort.isFree(port) else { return }
        throw LocalStackError(code: .portInUse, message: "port \(port) for \(user) is taken; \(hint)")
    }
}

extension StackConfiguration {
    /// Where the embedded receiver takes traces.
    public var otlpEndpoint: String { "http://127.0.0.1:\(ports.otlp)" }

    /// Where traces are asked for.
    public var queryURL: String { "http://127.0.0.1:\(ports.query)" }

    func service(_ name: String) -> Ports.Service {
        switch name {
        case "users": ports.users
        case "orders": ports.orders
        default: ports.notifications
        }
    }

    func admin(of name: String) -> Int { service(name).admin }
}
