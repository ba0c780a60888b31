public import ContrailInstrumentation
public import GRPCCore

/// What a service is: its name, its ports, and how it is put together.
///
/// An executable hands it to ``ServiceMain``, which reads the settings, starts telemetry and the admin endpoint, and runs
/// the parts in order until the process is told to stop.
public protocol ServiceDefinition: Sendable {
    /// The service's name: `service.name` of its telemetry, and its default database.
    static var name: String { get }
    /// The fully qualified gRPC services, for health checks.
    static var grpcServiceNames: [String] { get }
    /// What `--help` says it does, a sentence.
    static var summary: String { get }
    /// Where gRPC is served by default, on the loopback interface.
    static var defaultGRPCPort: Int { get }
    /// Where the admin endpoint is served by default, on the loopback interface.
    static var defaultAdminPort: Int { get }

    /// Reads the service's own settings and puts its parts together; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - settings: The environment; wrong values are noted in it.
    ///   - telemetry: Where the parts record.
    /// - Throws: What the parts throw for settings that cannot work at all.
    static func makeParts(_ settings: inout Settings, telemetry: Telemetry) throws -> ServiceParts
}

/// The parts of a service.
public struct ServiceParts: Sendable {
    /// What is prepared before calls are taken, in order: migrations, streams. Repeated until it succeeds.
    public var preparations: [Preparation]
    /// What runs beside the gRPC server, in start order; stopped in reverse order after it.
    public var work: [BackgroundWork]
    /// What must be reachable for the service to be ready.
    public var dependencies: [Dependency]
    /// What the gRPC server serves, beside health.
    public var grpcServices: [any RegistrableRPCService]

    /// Creates the parts.
    public init(
        preparations: [Preparation] = [],
        work: [BackgroundWork] = [],
        dependencies: [Dependency] = [],
        grpcServices: [any RegistrableRPCService]
    ) {
        self.preparations = preparations
        self.work = work
        self.dependencies = dependencies
        self.grpcServices = grpcServices
    }
}

/// A step that must succeed before a service takes calls.
public struct Preparation: Sendable {
    /// What it is, for the log: `database migrations`.
    public let name: String
    /// Does it; may be repeated.
    public let run: @Sendable () async throws -> Void

    /// Creates a step.
    public init(_ name: String, run: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.run = run
    }
}

/// Something that runs as long as the service.
public struct BackgroundWork: Sendable {
    /// When it starts.
    public enum Start: Sendable {
        /// With the process: what preparations need, such as a connection pool.
        case atOnce
        /// After all preparations have succeeded.
        case whenPrepared
    }

    /// What it is, for the log: `outbox relay`.
    public let name: String
    /// When it starts.
    public let start: Start
    /// Runs until it is told to stop; an error ends the process.
    public let run: @Sendable () async throws -> Void
    /// Makes ``run`` finish what it has begun and return. `nil`: its task is cancelled instead.
    public let beginShutdown: (@Sendable () -> Void)?

    /// Creates background work.
    public init(
        _ name: String,
        start: Start = .whenPrepared,
        run: @escaping @Sendable () async throws -> Void,
        beginShutdown: (@Sendable () -> Void)? = nil
    ) {
        self.name = name
        self.start = start
        self.run = run
        self.beginShutdown = beginShutdown
    }
}

/// Something that a service needs to do all of its work.
public struct Dependency: Sendable {
    /// What it is, for `/readyz` and the log: `postgresql`, `nats`.
    public let name: String
    /// Whether calls fail while it is away. What only delays work, such as a broker behind an outbox, makes `/readyz` fail,
    /// but not the health that decides whether the service gets calls: without any, an outage of one thing becomes one of all.
    public let isNeededForCalls: Bool
    /// Throws, with a text for people, while it is away. Called with a deadline of a second.
    public let check: @Sendable () async throws -> Void

    /// Creates a dependency.
    public init(_ name: String, isNeededForCalls: Bool = true, check: @escaping @Sendable () async throws -> Void) {
        self.name = name
        self.isNeededForCalls = isNeededForCalls
        self.check = check
    }
}
