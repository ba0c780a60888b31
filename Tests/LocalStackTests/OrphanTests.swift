internal import Foundation
internal import Glibc
internal import Testing

@testable internal import LocalStack

@Suite("Processes whose parent is killed")
struct OrphanTests {
    /// A folder that both a test and the process of its exit test know: Swift 6.2 has no other way to tell the latter.
    private static func sharedDirectory(_ name: String, test: pid_t) -> String {
        "/tmp/contrail-test-\(test)-\(name)"
    }

    private func withSharedDirectory(_ name: String, _ body: (String) async throws -> Void) async throws {
        let path = Self.sharedDirectory(name, test: getpid())
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    @Test("end with their parent")
    func parentDeath() async throws {
        try await withSharedDirectory("sleepers") { directory in
            await #expect(processExitsWith: .signal(SIGKILL)) {
                let directory = Self.sharedDirectory("sleepers", test: getppid())
                let sleeper = Command(executable: "/bin/sleep", arguments: ["600"])
                for number in 0..<3 {
                    // Starts from several threads of the pool, which end with the process only.
                    _ = try await ServiceProcess.start(
                        name: "s\(number)",
                        command: sleeper,
                        in: directory,
                        logger: logger
                    )
                }
                kill(getpid(), SIGKILL)
            }
            for number in 0..<3 {
                let record = try #require(try readRecord("\(directory)/s\(number).process.json"))
                #expect(!record.supervisor.isAlive)
                try await eventually { !record.process.isAlive }
            }
        }
    }

    @Test("servers end with their parent, and start again on their data")
    func servers() async throws {
        try await withSharedDirectory("servers") { directory in
            await #expect(processExitsWith: .signal(SIGKILL)) {
                let directory = Self.sharedDirectory("servers", test: getppid())
                _ = try await NATSServer.start(in: "\(directory)/nats", logger: logger)
                let postgres = try await PostgresServer.start(in: "\(directory)/pg", fsync: false, logger: logger)
                let client = try await postgres.ensureDatabase(name: "orders")
                _ = try await query("CREATE TABLE t AS SELECT 42 AS n", client)
                kill(getpid(), SIGKILL)
            }
            // PostgreSQL shuts down in order; a start in the meantime waits for it.
            let postgres = try await PostgresServer.start(in: "\(directory)/pg", fsync: false, logger: logger)
            let client = try await postgres.ensureDatabase(name: "orders")
            #expect(try await query("SELECT n FROM t", client) == "42")
            await postgres.stop()
            let nats = try #require(try readRecord("\(directory)/nats/nats-server.process.json") ?? nil)
            try await eventually { !nats.process.isAlive }
        }
    }

    @Test("a process that outlived an earlier run is stopped before the next start")
    func leftover() async throws {
        try await withSharedDirectory("leftover") { directory in
            let recordFile = "\(directory)/sleeper.process.json"
            // Without the kernel's parent-death signal.
            await #expect(processExitsWith: .signal(SIGKILL)) {
                let directory = Self.sharedDirectory("leftover", test: getppid())
                let command = Command(executable: "/bin/sleep", arguments: ["600"], parentDeathSignal: nil)
                let pid = try await Spawner.shared.spawn(command, logFile: "\(directory)/orphan.log", input: [])
                try ProcessRecord(of: pid, executable: command.executable)?
                    .write(to: "\(directory)/sleeper.process.json")
                kill(getpid(), SIGKILL)
            }
            let orphan = try #require(try readRecord(recordFile)).process
            try #require(orphan.isAlive)
            let service = try await ServiceProcess.start(
                name: "sleeper",
                command: Command(executable: "/bin/sleep", arguments: ["600"]),
                in: directory,
                logger: logger
            )
            #expect(!orphan.isAlive)
            #expect(try readRecord(recordFile)?.process.pid == service.process.pid)
            await service.stop()
            #expect(!FileManager.default.fileExists(atPath: recordFile))
        }
    }

    @Test("a record whose number now belongs to another process stops nobody")
    func reusedNumber() async throws {
        try await withTemporaryDirectory { directory in
            let bystander = try await ManagedProcess.start(
                name: "bystander",
                command: Command(executable: "/bin/sleep", arguments: ["600"]),
                logFile: "\(directory)/bystander.log",
                logger: logger
            )
            let identity = try #require(ProcessIdentity(pid: bystander.pid))
            let path = "\(directory)/sleeper.process.json"
            for (ticks, executable) in [(identity.startTicks + 1, "/bin/sleep"), (identity.startTicks, "/bin/other")] {
                let json = """
                    {"process":{"pid":\(identity.pid),"startTicks":\(ticks),"bootID":"\(identity.bootID)"},\
                    "executable":"\(executable)","supervisor":{"pid":1,"startTicks":0,"bootID":"gone"}}
                    """
                try json.write(toFile: path, atomically: true, encoding: .utf8)
                try await ProcessRecord.stopLeftover(at: path, name: "sleeper", signal: SIGTERM, logger: logger)
                #expect(bystander.isRunning)
                #expect(!FileManager.default.fileExists(atPath: path))
            }
            await bystander.terminate(grace: .seconds(5))
        }
    }

    @Test("a process that is looked after by a living parent is not started twice")
    func alreadyRunning() async throws {
        try await withTemporaryDirectory { directory in
            let command = Command(executable: "/bin/sleep", arguments: ["600"])
            let first = try await ServiceProcess.start(name: "only", command: command, in: directory, logger: logger)
            let error = await #expect(throws: LocalStackError.self) {
                _ = try await ServiceProcess.start(name: "only", command: command, in: directory, logger: logger)
            }
            #expect(error?.code == .alreadyRunning)
            #expect(error?.message.contains("\(first.process.pid)") == true)
            await first.stop()
        }
    }

    private func readRecord(_ path: String) throws -> ProcessRecord? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return try JSONDecoder().decode(ProcessRecord.self, from: data)
    }
}
