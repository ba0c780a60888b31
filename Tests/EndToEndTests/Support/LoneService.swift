import ContrailCLI
import Foundation
import LocalStack
import Logging

/// One service as a process, without a stack around it.
struct LoneService: Sendable {
    let process: ManagedProcess
    let admin: Int
    let folder: String
    /// The variables that say where it listens.
    let listening: [String: String]

    /// Starts a service on free ports, with variables that may name servers that are not there.
    static func start(
        _ name: String,
        _ environment: [String: String] = [:],
        arguments: [String] = []
    ) async throws -> LoneService {
        let folder = FileManager.default.temporaryDirectory.path + "/contrail-lone-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let ports = try FreePort.reserve(count: 5)
        let listening = [
            "CONTRAIL_GRPC_LISTEN": "127.0.0.1:\(ports[0])", "CONTRAIL_ADMIN_LISTEN": "127.0.0.1:\(ports[1])",
        ]
        var variables = ProcessInfo.processInfo.environment
        variables.merge(listening) { $1 }
        variables.merge([
            "CONTRAIL_USERS_TARGET": "127.0.0.1:\(ports[2])",
            "NATS_URL": "nats://127.0.0.1:\(ports[3])",
            "PGPORT": String(ports[4]),
            // Nothing listens here: the discard port.
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        ]) { $1 }
        variables.merge(environment) { $1 }
        let process = try await ManagedProcess.start(
            name: name,
            command: Command(
                executable: "\(StackTrait.programs)/\(name)-service",
                arguments: arguments,
                environment: variables
            ),
            logFile: folder + "/log",
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        return LoneService(process: process, admin: ports[1], folder: folder, listening: listening)
    }

    /// What the process has logged, a line each.
    var log: [String] {
        ((try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "")
            .split(separator: "\n").map(String.init)
    }

    func get(_ path: String) async -> (status: Int, body: String)? {
        guard let answer = try? await Admin.get("http://127.0.0.1:\(admin)\(path)") else { return nil }
        return (answer.status, answer.body)
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: folder)
    }
}
