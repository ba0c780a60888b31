internal import Glibc
public import Logging
internal import Synchronization

/// A program that is meant to run until it is told to stop, and can be killed and started again.
public final class ServiceProcess: Sendable {
    /// The component's name.
    public let name: String
    /// What is started.
    public let command: Command

    private let files: Files
    private let logger: Logger
    private let onEvent: StackEventHandler?
    private let current: Mutex<ManagedProcess>

    private struct Files: Sendable {
        let log: String
        let record: String
    }

    private init(
        name: String,
        command: Command,
        files: Files,
        process: ManagedProcess,
        logger: Logger,
        onEvent: StackEventHandler?
    ) {
        self.name = name
        self.command = command
        self.files = files
        self.logger = logger
        self.onEvent = onEvent
        current = Mutex(process)
    }

    /// Starts a program, after stopping one of an earlier run that outlived its parent.
    ///
    /// - Parameters:
    ///   - name: The component's name.
    ///   - command: What to start.
    ///   - directory: The folder for `<fileName>.log` and `<fileName>.process.json`; it is created.
    ///   - fileName: The stem of the file names; the component's name by default.
    ///   - logger: Receives what an operator needs to know.
    ///   - onEvent: Receives progress.
    /// - Throws: ``LocalStackError`` when the program cannot be started, or runs already under another parent.
    public static func start(
        name: String,
        command: Command,
        in directory: String,
        fileName: String? = nil,
        logger: Logger,
        onEvent: StackEventHandler? = nil
    ) async throws -> ServiceProcess {
        let stem = "\(directory)/\(fileName ?? name)"
        let files = Files(log: stem + ".log", record: stem + ".process.json")
        let process = try await launch(name, command, files, logger, onEvent)
        return ServiceProcess(
            name: name,
            command: command,
            files: files,
            process: process,
            logger: logger,
            onEvent: onEvent
        )
    }

    /// The process of the last start.
    public var process: ManagedProcess { current.withLock { $0 } }

    /// Whether the process has not ended.
    public var isRunning: Bool { process.isRunning }

    /// Waits until a probe succeeds.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait.
    ///   - probe: Asks the process whether it is ready. It must return in a short time by itself.
    /// - Throws: ``LocalStackError`` with the last log lines when the process ends first or is not ready in time;
    ///   `CancellationError` when the task is cancelled. The process is left as it is.
    public func waitUntilReady(timeout: Duration, probe: @Sendable () async -> Bool) async throws {
        let process = process
        try await process.waitUntilReady(timeout: timeout, probe: probe)
        emit(.ready(after: .now - process.startedAt))
    }

    /// Waits until the process of the last start has ended.
    ///
    /// - Throws: `CancellationError` when the task is cancelled; the process goes on.
    @discardableResult
    public func waitForExit() async throws -> ManagedProcess.ExitStatus {
        try await process.waitForExit()
    }

    /// Kills the process at once, as a crash would.
    @discardableResult
    public func kill() async -> ManagedProcess.ExitStatus {
        process.kill(SIGKILL)
        return await process.terminate(grace: .seconds(5))
    }

    /// Starts the program again, after stopping it if it runs. Not for concurrent use.
    ///
    /// - Parameter grace: How long a running process may take to stop.
    /// - Throws: ``LocalStackError`` when the program cannot be started.
    public func restart(grace: Duration = .seconds(10)) async throws {
        if isRunning { await stop(grace: grace) }
        let next = try await Self.launch(name, command, files, logger, onEvent)
        current.withLock { $0 = next }
    }

    /// Asks the process to stop, and kills it when it has not ended in time. Works in a cancelled task.
    ///
    /// - Parameter grace: How long the process may take.
    @discardableResult
    public func stop(grace: Duration = .seconds(10)) async -> ManagedProcess.ExitStatus {
        let process = process
        if let status = process.exitStatus { return status }
        let begin = ContinuousClock.now
        emit(.stopping)
        let status = await process.terminate(grace: grace)
        emit(.stopped(status, after: .now - begin))
        return status
    }

    func emit(_ phase: StackEvent.Phase) {
        onEvent?(StackEvent(component: name, phase: phase))
    }

    private static func launch(
        _ name: String,
        _ command: Command,
        _ files: Files,
        _ logger: Logger,
        _ onEvent: StackEventHandler?
    ) async throws -> ManagedProcess {
        onEvent?(StackEvent(component: name, phase: .starting))
        return try await ManagedProcess.start(
            name: name,
            command: command,
            logFile: files.log,
            recordFile: files.record,
            logger: logger
        )
    }
}
