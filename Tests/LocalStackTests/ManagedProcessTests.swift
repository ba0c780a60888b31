internal import Foundation
internal import Glibc
internal import Synchronization
internal import Testing

@testable internal import LocalStack

@Suite("Managed process")
struct ManagedProcessTests {
    private func start(
        _ command: Command,
        in directory: String,
        record: Bool = false,
        input: [UInt8] = []
    ) async throws -> ManagedProcess {
        try await ManagedProcess.start(
            name: "probe",
            command: command,
            logFile: "\(directory)/logs/probe.log",
            recordFile: record ? "\(directory)/probe.process.json" : nil,
            input: input,
            logger: logger
        )
    }

    @Test("reports the exit code")
    func exitCode() async throws {
        try await withTemporaryDirectory { directory in
            let process = try await start(shell("exit 3"), in: directory)
            #expect(try await process.waitForExit() == .exited(3))
            #expect(process.exitStatus == .exited(3))
            #expect(!process.isRunning)
            // A process that has ended answers at once, and signals go nowhere.
            #expect(try await process.waitForExit() == .exited(3))
            process.kill(SIGKILL)
        }
    }

    @Test("reports the signal that ended it")
    func signalled() async throws {
        try await withTemporaryDirectory { directory in
            let process = try await start(Command(executable: "/bin/sleep", arguments: ["600"]), in: directory)
            #expect(process.isRunning)
            process.kill(SIGUSR1)
            #expect(try await process.waitForExit() == .signalled(SIGUSR1))
        }
    }

    @Test("appends both outputs to the log file and shows only its own lines")
    func logCapture() async throws {
        try await withTemporaryDirectory { directory in
            let first = try await start(shell("echo earlier"), in: directory)
            try await first.waitForExit()
            let second = try await start(shell("echo one; echo two >&2; echo three"), in: directory)
            try await second.waitForExit()
            #expect(second.lastLogLines(10) == ["one", "two", "three"])
            #expect(second.lastLogLines(1) == ["three"])
            #expect(try String(contentsOfFile: second.logFile, encoding: .utf8) == "earlier\none\ntwo\nthree\n")
        }
    }

    @Test("passes arguments, environment, folder and input unchanged")
    func surroundings() async throws {
        try await withTemporaryDirectory { directory in
            var command = shell("echo \"$1|$2|$COLOUR|$(pwd)|$(cat)\"", "a b", "$HOME")
            command.environment = ["COLOUR": "blue", "PATH": "/usr/bin:/bin"]
            command.workingDirectory = directory
            let process = try await start(command, in: directory, input: Array("typed".utf8))
            try await process.waitForExit()
            #expect(process.lastLogLines(1) == ["a b|$HOME|blue|\(directory)|typed"])
        }
    }

    @Test("has a process group of its own and inherits neither descriptors nor ignored signals")
    func isolation() async throws {
        try await withTemporaryDirectory { directory in
            signal(SIGUSR2, SIG_IGN)
            defer { signal(SIGUSR2, SIG_DFL) }
            // Without close-on-exec, as some C libraries open their sockets.
            let descriptor = open("/dev/null", O_RDONLY)
            defer { close(descriptor) }
            let script = "echo $(ls /proc/$$/fd | tr '\\n' ' ') $(ps -o pgid= -p $$); grep SigIgn /proc/$$/status"
            let process = try await start(shell(script), in: directory)
            try await process.waitForExit()
            let lines = process.lastLogLines(2)
            try #require(lines.count == 2)
            let words = lines[0].split(separator: " ")
            #expect(words.last == "\(process.pid)")
            #expect(!words.dropLast().contains("\(descriptor)"))
            let ignored = try #require(UInt64(lines[1].split(separator: "\t")[1], radix: 16))
            // Signals 32 and 33 belong to the C library.
            #expect(ignored & 0x7FFF_FFFF == 0)
        }
    }

    @Test("stops on SIGTERM within the grace period")
    func terminates() async throws {
        try await withTemporaryDirectory { directory in
            let script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done"
            let process = try await start(shell(script), in: directory)
            try await eventually { process.lastLogLines(1) == ["ready"] }
            #expect(await process.terminate(grace: .seconds(20)) == .exited(7))
            #expect(process.lastLogLines(1) == ["bye"])
        }
    }

    @Test("is killed when it ignores SIGTERM")
    func escalates() async throws {
        try await withTemporaryDirectory { directory in
            let process = try await start(
                shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"),
                in: directory
            )
            try await eventually { process.lastLogLines(1) == ["ready"] }
            #expect(await process.terminate(grace: .milliseconds(200)) == .signalled(SIGKILL))
        }
    }

    @Test("takes its whole group with it")
    func group() async throws {
        try await withTemporaryDirectory { directory in
            let process = try await start(shell("sleep 600 & echo $!; wait"), in: directory)
            try await eventually { process.lastLogLines(1).count == 1 }
            let child = try #require(Int32(process.lastLogLines(1)[0]))
            #expect(ProcessIdentity(pid: child) != nil)
            await process.terminate(grace: .seconds(20))
            try await eventually { ProcessIdentity(pid: child) == nil }
        }
    }

    @Test("a cancelled wait ends, and termination works in a cancelled task")
    func cancellation() async throws {
        try await withTemporaryDirectory { directory in
            let process = try await start(Command(executable: "/bin/sleep", arguments: ["600"]), in: directory)
            let waited = await withTaskGroup(of: Bool.self) { group in
                group.addTask { (try? await process.waitForExit()) != nil }
                group.cancelAll()
                return await group.next()
            }
            #expect(waited == false)
            #expect(process.isRunning)
            let status = await withTaskGroup(of: ManagedProcess.ExitStatus.self) { group in
                group.cancelAll()
                group.addTask { await process.terminate(grace: .seconds(20)) }
                return await group.next()
            }
            #expect(status == .signalled(SIGTERM))
        }
    }

    @Test("an executable that is missing is an error that names it")
    func missing() async throws {
        try await withTemporaryDirectory { directory in
            let error = await #expect(throws: LocalStackError.self) {
                _ = try await start(Command(executable: "/nowhere/server"), in: directory)
            }
            #expect(error?.code == .cannotStart)
            #expect(error?.description.contains("/nowhere/server") == true)
        }
    }

    @Test("readiness fails early, with the last lines, when the process ends")
    func earlyExit() async throws {
        try await withTemporaryDirectory { directory in
            let process = try await start(shell("echo first; echo no such option >&2; exit 2"), in: directory)
            let begin = ContinuousClock.now
            let error = await #expect(throws: LocalStackError.self) {
                try await process.waitUntilReady(timeout: .seconds(60)) { false }
            }
            #expect(.now - begin < .seconds(30))
            #expect(error?.code == .exitedEarly)
            #expect(error?.message.contains("exit code 2") == true)
            #expect(error?.message.contains("no such option") == true)
        }
    }

    @Test("readiness fails when the time is up, and leaves the process alone")
    func neverReady() async throws {
        try await withTemporaryDirectory { directory in
            let process = try await start(Command(executable: "/bin/sleep", arguments: ["600"]), in: directory)
            let error = await #expect(throws: LocalStackError.self) {
                try await process.waitUntilReady(timeout: .milliseconds(100)) { false }
            }
            #expect(error?.code == .notReady)
            #expect(process.isRunning)
            await process.terminate(grace: .seconds(5))
        }
    }

    @Test("a service reports its progress and can be killed and started again")
    func service() async throws {
        try await withTemporaryDirectory { directory in
            let events = Mutex<[String]>([])
            let service = try await ServiceProcess.start(
                name: "sleeper",
                command: Command(executable: "/bin/sleep", arguments: ["600"]),
                in: directory,
                logger: logger,
                onEvent: { event in events.withLock { $0.append(event.description) } }
            )
            try await service.waitUntilReady(timeout: .seconds(5)) { true }
            let first = service.process.pid
            #expect(await service.kill() == .signalled(SIGKILL))
            try await service.restart()
            #expect(service.process.pid != first)
            #expect(await service.stop() == .signalled(SIGTERM))
            let steps = events.withLock { $0 }.map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
            let expected = ["starting", "ready", "starting", "stopping", "stopped"].map { "sleeper \($0)" }
            #expect(steps == expected)
        }
    }
}
