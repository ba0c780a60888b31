import Foundation
import Glibc
import Synchronization

/// A PostgreSQL server of the tests' own: a private folder, a free loopback port, no Unix sockets, no fsync.
///
/// Each server process hangs on a pipe of this process and stops when that closes, also after a crash.
final class TestPostgresServer: Sendable {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private struct Running {
        var shell: Process
        var lifeline: Pipe
        var pid: pid_t
    }

    let port: Int
    private let folder: URL
    private let running = Mutex<Running?>(nil)
    private let databaseCount = Atomic<Int>(0)

    /// The server that tests share which do not harm it.
    static let shared = Result { try TestPostgresServer(start: true) }

    private static let installation = Result { try Installation() }

    init(start: Bool) throws {
        let installation = try Self.installation.get()
        port = try Self.freePort()
        folder = installation.root.appending(path: "server-\(port)")
        try installation.copyTemplate(to: folder)
        if start { try self.start() }
    }

    deinit {
        running.withLock { $0?.lifeline.fileHandleForWriting.closeFile() }
    }

    /// Starts the server and waits until it accepts connections.
    func start() throws {
        let installation = try Self.installation.get()
        try? FileManager.default.removeItem(at: folder.appending(path: "postmaster.pid"))
        let settings = [
            "port=\(port)", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off",
            "max_connections=60", "shared_buffers=16MB", "timezone=Europe/Berlin",
        ]
        let command =
            installation.command("postgres", ["-D", folder.path] + settings.flatMap { ["-c", $0] })
            .map { "'\($0)'" }.joined(separator: " ")
        let (shell, lifeline) = try Self.hang(
            "\(command) >>'\(folder.path)/log' 2>&1 & cat >/dev/null; kill -INT $!; wait"
        )
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let file = folder.appending(path: "postmaster.pid")
            let lines = (try? String(contentsOf: file, encoding: .utf8))?.split(
                separator: "\n",
                omittingEmptySubsequences: false
            )
            if let lines, lines.count > 7, lines[7].hasPrefix("ready"), let pid = pid_t(lines[0]) {
                running.withLock { $0 = Running(shell: shell, lifeline: lifeline, pid: pid) }
                return
            }
            guard ContinuousClock.now < deadline else {
                lifeline.fileHandleForWriting.closeFile()
                throw Failure(description: "the server does not start; see \(folder.path)/log")
            }
            usleep(20_000)
        }
    }

    /// Kills the server and its sessions without a warning.
    func kill() {
        guard let server = running.withLock({ $0.take() }) else { return }
        let processes = [server.pid] + Self.children(of: server.pid)
        for pid in processes { _ = Glibc.kill(pid, SIGKILL) }
        server.shell.terminate()
        // The sessions hold the shared memory until they are gone.
        while processes.contains(where: { Self.isAlive($0) }) { usleep(5_000) }
    }

    /// Stops the server and its sessions as a debugger would.
    func freeze() {
        running.withLock { server in
            guard let server else { return }
            for pid in [server.pid] + Self.children(of: server.pid) { _ = Glibc.kill(pid, SIGSTOP) }
        }
    }

    /// Undoes ``freeze()``.
    func thaw() {
        running.withLock { server in
            guard let server else { return }
            for pid in [server.pid] + Self.children(of: server.pid) { _ = Glibc.kill(pid, SIGCONT) }
        }
    }

    func newDatabaseName() -> String {
        "test_\(databaseCount.add(1, ordering: .relaxed).newValue)"
    }

    // MARK: - Processes

    /// Runs a shell command whose standard input ends with this process.
    private static func hang(_ command: String) throws -> (Process, Pipe) {
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = ["-c", command]
        let lifeline = Pipe()
        shell.standardInput = lifeline
        shell.standardOutput = FileHandle.nullDevice
        shell.standardError = FileHandle.nullDevice
        try shell.run()
        return (shell, lifeline)
    }

    private static func children(of pid: pid_t) -> [pid_t] {
        let text = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
        return (text ?? "").split(separator: " ").compactMap { pid_t($0) }
    }

    private static func isAlive(_ pid: pid_t) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return !text.contains(") Z ")
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutableBytes(of: &address) { bytes -> Int32 in
            guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
            return bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
        }
        guard result == 0 else { throw Failure(description: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// The installed programs and a data folder to copy, made once for each test process.
    private final class Installation: Sendable {
        let root: URL
        private let programs: URL
        private let lifeline: Pipe
        private let shell: Process

        init() throws {
            programs = try Self.findPrograms()
            root = FileManager.default.temporaryDirectory.appending(path: "postgres-tests-\(getpid())")
            try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
            (shell, lifeline) = try TestPostgresServer.hang("cat >/dev/null; sleep 3; rm -rf '\(root.path)'")
            if getuid() == 0 { try Self.run(["chown", "postgres", root.path]) }
            try Self.run(
                command("initdb", ["-D", template.path, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"])
            )
        }

        private var template: URL { root.appending(path: "template") }

        func copyTemplate(to folder: URL) throws {
            try Self.run(["cp", "-a", template.path, folder.path])
        }

        /// The words that run a program, as somebody else if this process is root, which PostgreSQL refuses.
        func command(_ program: String, _ arguments: [String]) -> [String] {
            let words = [programs.appending(path: program).path] + arguments
            guard getuid() == 0 else { return words }
            return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] + words
        }

        private static func findPrograms() throws -> URL {
            let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { String($0) }
            let packaged = "/usr/lib/postgresql"
            let versions = (try? FileManager.default.contentsOfDirectory(atPath: packaged)) ?? []
            let newestFirst = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }
            for folder in path + newestFirst.map({ "\(packaged)/\($0)/bin" }) {
                let isComplete = ["initdb", "postgres"].allSatisfy {
                    FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
                }
                if isComplete { return URL(filePath: folder) }
            }
            throw Failure(description: "no PostgreSQL found; install it (apt-get install postgresql)")
        }

        private static func run(_ words: [String]) throws {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = words
            process.standardOutput = FileHandle.nullDevice
            let errors = Pipe()
            process.standardError = errors
            try process.run()
            let text = errors.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw Failure(description: "\(words.joined(separator: " ")): \(String(decoding: text, as: UTF8.self))")
            }
        }
    }
}
