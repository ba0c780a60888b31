import Foundation
import Logging
import Synchronization
import Testing

@testable import JetStream

/// A real nats-server in a folder of its own, which can be killed and started again.
final class TestNATSServer: Sendable {
    let port: UInt16
    let folder: URL
    /// Whether each message is on disk before it is acknowledged.
    private let synchronous: Bool
    private let jetStream: Bool
    private let process = Mutex<Process?>(nil)

    private init(port: UInt16, folder: URL, synchronous: Bool, jetStream: Bool) {
        self.port = port
        self.folder = folder
        self.synchronous = synchronous
        self.jetStream = jetStream
    }

    var url: String { "nats://127.0.0.1:\(port)" }

    /// Runs `body` with a server, and stops it afterwards.
    static func with<Result>(
        extraConfiguration: String = "",
        started: Bool = true,
        synchronous: Bool = true,
        jetStream: Bool = true,
        _ body: (TestNATSServer) async throws -> Result
    ) async throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("jetstream-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let server = TestNATSServer(
            port: try freePort(),
            folder: folder,
            synchronous: synchronous,
            jetStream: jetStream
        )
        defer {
            server.kill()
            try? FileManager.default.removeItem(at: folder)
        }
        try server.configure(extraConfiguration)
        if started { try await server.start() }
        return try await body(server)
    }

    private var configurationFile: URL { folder.appendingPathComponent("nats.conf") }
    private var logFile: URL { folder.appendingPathComponent("nats.log") }

    /// Writes the configuration for the next start.
    func configure(_ extra: String) throws {
        let sync = synchronous ? "sync_interval: always" : ""
        let configuration = """
            listen: "127.0.0.1:\(port)"
            log_file: "\(logFile.path)"
            \(jetStream ? "jetstream { store_dir: \"\(folder.path)/store\", \(sync) }" : "")
            \(extra)
            """
        try configuration.write(to: configurationFile, atomically: true, encoding: .utf8)
    }

    /// What the server has logged.
    func log() throws -> String {
        try String(contentsOf: logFile, encoding: .utf8)
    }

    func start() async throws {
        let process = Process()
        process.executableURL = try Self.binary()
        process.arguments = ["-c", configurationFile.path]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process.withLock { $0 = process }
        try await eventually("nats-server accepts connections") { self.accepts() }
    }

    /// Kills the server as a crash would, and waits for its end.
    func kill() {
        guard let process = process.withLock({ $0.take() }) else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Stops the server's process without ending its connections.
    func freeze() {
        process.withLock { if let process = $0 { _ = Foundation.kill(process.processIdentifier, SIGSTOP) } }
    }

    func thaw() {
        process.withLock { if let process = $0 { _ = Foundation.kill(process.processIdentifier, SIGCONT) } }
    }

    var configuration: NATSConfiguration {
        var configuration = NATSConfiguration(servers: [url])
        configuration.reconnectDelay = .milliseconds(20)...(.milliseconds(200))
        return configuration
    }

    /// Runs `body` with a connection, and shuts it down afterwards.
    func withConnection<Result>(
        _ configure: (inout NATSConfiguration) -> Void = { _ in },
        _ body: (NATSConnection) async throws -> Result
    ) async throws -> Result {
        var configuration = configuration
        configure(&configuration)
        let connection = try await NATSConnection.connect(configuration, logger: .quiet)
        do {
            let result = try await body(connection)
            await connection.shutdown()
            return result
        } catch {
            await connection.shutdown()
            throw error
        }
    }

    private func accepts() -> Bool {
        withSocket { descriptor, address in
            withUnsafePointer(to: address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
        }
    }

    private func withSocket<Result>(_ body: (Int32, sockaddr_in) -> Result) -> Result {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        return body(descriptor, Self.loopback(port))
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let found = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(found, "no free port")
        return UInt16(bigEndian: address.sin_port)
    }

    private static func binary() throws -> URL {
        let environment = ProcessInfo.processInfo.environment
        var candidates = [environment["NATS_SERVER"]].compactMap(\.self)
        var folder = URL(fileURLWithPath: #filePath)
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            candidates.append(folder.appendingPathComponent(".tools/bin/nats-server").path)
        }
        candidates += (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/nats-server" }
        let path = candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
        return URL(fileURLWithPath: try #require(path, "nats-server is missing: set NATS_SERVER to its path"))
    }
}

extension Logger {
    static var quiet: Logger {
        Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    }
}

/// Waits for a condition, at most `timeout`.
func eventually(
    _ what: Comment,
    timeout: Duration = .seconds(15),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + timeout
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, what, sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// Returns the error that `body` throws, as the type it must have.
func failure<Failure: Error>(
    _ type: Failure.Type = NATSError.self,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async throws -> Failure {
    do {
        try await body()
    } catch {
        return try #require(error as? Failure, "\(error)", sourceLocation: sourceLocation)
    }
    Issue.record("no error was thrown", sourceLocation: sourceLocation)
    throw CancellationError()
}

extension String {
    var bytes: [UInt8] { Array(utf8) }
}
