internal import Foundation
internal import LocalStack

/// What the local stack consists of and where it runs.
public struct StackConfiguration: Sendable {
    /// Where each part listens, all on 127.0.0.1.
    public struct Ports: Sendable {
        /// gRPC and admin port of a service.
        public struct Service: Sendable {
            /// gRPC.
            public var grpc: Int
            /// `/metrics`, `/livez`, `/readyz`.
            public var admin: Int
        }

        /// NATS clients.
        public var nats: Int
        /// NATS monitoring.
        public var natsMonitoring: Int
        /// PostgreSQL.
        public var postgres: Int
        /// OTLP/HTTP.
        public var otlp: Int
        /// Trace queries in Jaeger's form.
        public var query: Int
        /// The users service.
        public var users: Service
        /// The orders service.
        public var orders: Service
        /// The notifications service.
        public var notifications: Service

        /// The documented ports. NATS and PostgreSQL, which often run on a machine already, get free ones when theirs are
        /// taken.
        public static func documented() throws -> Ports {
            let free = try FreePort.reserve(count: 3)
            return Ports(
                nats: FreePort.isFree(4222) ? 4222 : free[0],
                natsMonitoring: FreePort.isFree(8222) ? 8222 : free[1],
                postgres: FreePort.isFree(5432) ? 5432 : free[2],
                otlp: 4318,
                query: 16686,
                users: Service(grpc: 50051, admin: 9101),
                orders: Service(grpc: 50052, admin: 9102),
                notifications: Service(grpc: 50053, admin: 9103)
            )
        }

        /// Free ports, for runs that must not disturb anything.
        public static func free() throws -> Ports {
            let free = try FreePort.reserve(count: 11)
            return Ports(
                nats: free[0],
                natsMonitoring: free[1],
                postgres: free[2],
                otlp: free[3],
                query: free[4],
                users: Service(grpc: free[5], admin: free[6]),
                orders: Service(grpc: free[7], admin: free[8]),
                notifications: Service(grpc: free[9], admin: free[10])
            )
        }
    }

    /// The folder for data and logs.
    public var directory: String
    /// Where each part listens.
    public var ports: Ports
    /// The folder with the services' programs; beside this program by default.
    public var programs: String
    /// Whether PostgreSQL writes to the disk before it acknowledges; tests may do without.
    public var fsync = true
    /// Further variables of the services; they win over the stack's own.
    public var environment: [String: String] = [:]
    /// Where services send traces instead of the embedded receiver: `OTEL_EXPORTER_OTLP_ENDPOINT`.
    public var externalTraces: String?

    /// Creates a configuration.
    ///
    /// - Parameters:
    ///   - directory: The folder for data and logs.
    ///   - ports: Where each part listens.
    ///   - programs: The folder with the services' programs.
    public init(directory: String, ports: Ports, programs: String = StackConfiguration.ownFolder) {
        self.directory = directory
        self.ports = ports
        self.programs = programs
    }

    /// The folder of the running program.
    public static var ownFolder: String {
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return (program as NSString).deletingLastPathComponent
    }
}
