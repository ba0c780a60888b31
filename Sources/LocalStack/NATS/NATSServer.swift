internal import Foundation
public import Logging

/// A NATS server with JetStream on a loopback port.
public final class NATSServer: Sendable {
    /// The port for clients.
    public let port: Int
    /// The port of the HTTP monitoring endpoints.
    public let monitoringPort: Int
    /// The folder with configuration, streams and log.
    public let directory: String

    private let service: ServiceProcess
    private let serverName: String

    /// A stream's messages are at most 256 KiB; a dead letter is such a message with headers added.
    private static let maximumPayload = 384 * 1024
    private static let readyTimeout = Duration.seconds(20)

    private init(port: Int, monitoringPort: Int, directory: String, service: ServiceProcess, serverName: String) {
        self.port = port
        self.monitoringPort = monitoringPort
        self.directory = directory
        self.service = service
        self.serverName = serverName
    }

    /// Starts a server and waits until it accepts connections.
    ///
    /// - Parameters:
    ///   - directory: The folder for configuration, streams and log; it is created. Streams of an earlier run are kept.
    ///   - installation: Which server; ``locate(environment:logger:)`` finds it by default.
    ///   - port: The port for clients; a free one by default.
    ///   - monitoringPort: The port for monitoring; a free one by default.
    ///   - syncAlways: Whether a message is on the disk before it is acknowledged.
    ///   - logger: Receives what an operator needs to know.
    ///   - onEvent: Receives progress.
    /// - Throws: ``LocalStackError`` when the server cannot be started.
    public static func start(
        in directory: String,
        installation: Installation? = nil,
        port: Int? = nil,
        monitoringPort: Int? = nil,
        syncAlways: Bool = true,
        logger: Logger,
        onEvent: StackEventHandler? = nil
    ) async throws -> NATSServer {
        let executable: String
        if let installation {
            executable = installation.executable
        } else {
            executable = try await locate(logger: logger).executable
        }
        for port in [port, monitoringPort].compactMap({ $0 }) { try FreePort.requireFree(port, for: "nats-server") }
        let folder = URL(fileURLWithPath: directory).standardizedFileURL.path
        let port = try port ?? FreePort.reserve()
        let monitoringPort = try monitoringPort ?? FreePort.reserve()
        // The name is in the greeting, which tells this server from any other that may answer on the port.
        let serverName = "contrail-" + String(UInt32.random(in: .min ... .max), radix: 16)

        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let configuration = """
            # Written at every start.
            server_name: \(serverName)
            listen: "127.0.0.1:\(port)"
            http: "127.0.0.1:\(monitoringPort)"
            max_payload: \(maximumPayload)
            jetstream {
              store_dir: \(quoted(folder + "/jetstream"))
              sync_interval: \(syncAlways ? "always" : "2m")
            }

            """
        let file = folder + "/nats-server.conf"
        try configuration.write(toFile: file, atomically: true, encoding: .utf8)
        let service = try await ServiceProcess.start(
            name: "NATS",
            // SIGTERM lets the server flush its streams; it ends in well under a second.
            command: Command(executable: executable, arguments: ["--config", file], parentDeathSignal: .terminate),
            in: folder,
            fileName: "nats-server",
            logger: logger,
            onEvent: onEvent
        )
        let server = NATSServer(
            port: port,
            monitoringPort: monitoringPort,
            directory: folder,
            service: service,
            serverName: serverName
        )
        try await server.waitUntilReady()
        return server
    }

    /// The address for clients.
    public var url: String { "nats://127.0.0.1:\(port)" }

    /// The address of the HTTP monitoring endpoints.
    public var monitoringURL: String { "http://127.0.0.1:\(monitoringPort)" }

    /// The process of the last start.
    public var process: ManagedProcess { service.process }

    /// Kills the server at once, as a crash would.
    @discardableResult
    public func kill() async -> ManagedProcess.ExitStatus {
        await service.kill()
    }

    /// Starts the server again on the same ports and streams, and waits until it accepts connections.
    ///
    /// - Throws: ``LocalStackError`` when the server cannot be started.
    public func restart() async throws {
        try await service.restart()
        try await waitUntilReady()
    }

    /// Stops the server. Works in a cancelled task.
    ///
    /// - Parameter grace: How long it may take before it is killed.
    @discardableResult
    public func stop(grace: Duration = .seconds(10)) async -> ManagedProcess.ExitStatus {
        await service.stop(grace: grace)
    }

    private func waitUntilReady() async throws {
        do {
            try await service.waitUntilReady(timeout: Self.readyTimeout) { await self.greets() }
        } catch {
            await service.stop(grace: .seconds(2))
            throw error
        }
    }

    /// Tells whether the server on the port sends the `INFO` line, and is this one.
    private func greets() async -> Bool {
        guard let socket = LoopbackSocket(), socket.connect(port: port) else { return false }
        var greeting: [UInt8] = []
        for _ in 0..<200 {
            switch socket.receive(limit: 4096) {
            case .bytes(let bytes):
                greeting += bytes
                guard greeting.contains(UInt8(ascii: "\n")) else { continue }
                let text = String(decoding: greeting, as: UTF8.self)
                return text.hasPrefix("INFO ") && text.contains("\"\(serverName)\"")
            case .nothingYet:
                guard (try? await Task.sleep(for: .milliseconds(2))) != nil else { return false }
            case .closed:
                return false
            }
        }
        return false
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
