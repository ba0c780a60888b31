internal import Foundation
public import Logging

/// A PostgreSQL server on a loopback port, with a data folder of its own.
public final class PostgresServer: Sendable {
    /// The port for clients.
    public let port: Int
    /// The folder with data, passwords and log.
    public let directory: String

    let folder: PostgresFolder
    let binaries: String
    let logger: Logger
    private let service: ServiceProcess

    static let superuser = "postgres"
    static let superuserPassword = "superuser-password"

    /// Long enough for crash recovery on a slow disk.
    private static let readyTimeout = Duration.seconds(60)

    private init(port: Int, folder: PostgresFolder, binaries: String, service: ServiceProcess, logger: Logger) {
        self.port = port
        directory = folder.directory
        self.folder = folder
        self.binaries = binaries
        self.service = service
        self.logger = logger
    }

    /// Starts a server, creating its database cluster the first time, and waits until it accepts connections.
    ///
    /// It listens on 127.0.0.1 only and asks for a password (SCRAM). Started by root, it runs as user `postgres`.
    ///
    /// - Parameters:
    ///   - directory: The folder for data, passwords and log; it is created. Data of an earlier run is kept.
    ///   - installation: Which server; ``locate(environment:logger:)`` finds it by default.
    ///   - port: The port for clients; a free one by default.
    ///   - fsync: Whether a commit is on the disk before it is acknowledged. False is for tests: a commit then survives the
    ///     death of the server, but not of the machine.
    ///   - maximumConnections: How many clients may be connected at a time.
    ///   - logger: Receives what an operator needs to know.
    ///   - onEvent: Receives progress.
    /// - Throws: ``LocalStackError`` when the server cannot be started.
    public static func start(
        in directory: String,
        installation: Installation? = nil,
        port: Int? = nil,
        fsync: Bool = true,
        maximumConnections: Int = 200,
        logger: Logger,
        onEvent: StackEventHandler? = nil
    ) async throws -> PostgresServer {
        let chosen: Installation
        if let installation {
            chosen = installation
        } else {
            chosen = try await locate(logger: logger)
        }
        if let port { try FreePort.requireFree(port, for: "PostgreSQL") }
        let port = try port ?? FreePort.reserve()
        let folder = try await PostgresFolder.prepare(directory, logger: logger)
        if folder.isElsewhere {
            let note = "user 'postgres' cannot reach \(folder.directory), so the data is in \(folder.data)"
            logger.info(
                "data folder is elsewhere",
                metadata: ["directory": "\(folder.directory)", "data": "\(folder.data)"]
            )
            onEvent?(StackEvent(component: "PostgreSQL", phase: .note(note)))
        }
        let cluster = PostgresCluster(folder: folder, installation: chosen, logger: logger)
        try await cluster.initialise(fsync: fsync)

        var settings = [
            "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=",
            "max_connections=\(maximumConnections)", "timezone=UTC", "log_timezone=UTC",
            "log_line_prefix=%m [%p] %q%u@%d ",
        ]
        // Not synchronous_commit: what is committed survives the death of the server, though not of the machine.
        if !fsync { settings += ["fsync=off", "full_page_writes=off"] }
        var command = cluster.command("postgres", ["-D", folder.cluster] + settings.flatMap { ["-c", $0] })
        // Fast shutdown: sessions are ended and the data is written out, so the next start needs no recovery.
        command.stopSignal = SIGINT
        command.parentDeathSignal = .interrupt

        let service = try await ServiceProcess.start(
            name: "PostgreSQL",
            command: command,
            in: folder.directory,
            fileName: "postgres",
            logger: logger,
            onEvent: onEvent
        )
        let server = PostgresServer(
            port: port,
            folder: folder,
            binaries: chosen.directory,
            service: service,
            logger: logger
        )
        try await server.waitUntilReady()
        return server
    }

    /// Removes a server's data, also where ``start(in:installation:port:fsync:maximumConnections:logger:onEvent:)`` had to
    /// put it elsewhere. The server must not be running.
    ///
    /// - Parameter directory: The folder that the server was started in.
    public static func removeData(in directory: String) throws {
        try PostgresFolder.remove(directory)
    }

    /// The process of the last start.
    public var process: ManagedProcess { service.process }

    /// Kills the postmaster at once, as a crash would. Its sessions end when they notice.
    @discardableResult
    public func kill() async -> ManagedProcess.ExitStatus {
        await service.kill()
    }

    /// Starts the server again on the same port and data, and waits until it has recovered and accepts connections.
    ///
    /// - Throws: ``LocalStackError`` when the server cannot be started.
    public func restart() async throws {
        await stop()
        try await PostgresProcesses.settle(cluster: folder.cluster, logger: logger)
        try await service.restart()
        try await waitUntilReady()
    }

    /// Stops the server: sessions are ended, data is written out. Works in a cancelled task.
    ///
    /// - Parameter grace: How long it may take before it is killed.
    @discardableResult
    public func stop(grace: Duration = .seconds(20)) async -> ManagedProcess.ExitStatus {
        await service.stop(grace: grace)
    }

    private func waitUntilReady() async throws {
        let pid = process.pid
        let file = folder.cluster + "/postmaster.pid"
        do {
            try await service.waitUntilReady(timeout: Self.readyTimeout) {
                // What pg_ctl reads: line 1 is the process, line 8 its state.
                guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return false }
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                guard lines.count > 7, lines[0] == "\(pid)" else { return false }
                return lines[7].trimmingCharacters(in: .whitespaces) == "ready"
            }
        } catch {
            await service.stop(grace: .seconds(5))
            throw error
        }
    }
}
