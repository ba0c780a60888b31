internal import Dispatch
internal import Foundation
internal import Glibc
public import Logging
internal import Synchronization

/// A running program that ends no later than this process.
///
/// It has a process group of its own, so that Ctrl-C in a terminal reaches only its parent. When it ends, so does what is
/// left of its group. When this process is killed, the kernel sends it its parent-death signal.
public final class ManagedProcess: Sendable {
    private typealias Waiters = [UInt64: CheckedContinuation<ExitStatus?, Never>]

    private enum State {
        case running(waiters: Waiters)
        case ended(ExitStatus)
    }

    /// The name for messages.
    public let name: String
    /// What was started.
    public let command: Command
    /// The number of the process.
    public let pid: Int32
    /// The file that receives standard output and standard error.
    public let logFile: String
    /// When the process was started.
    public let startedAt: ContinuousClock.Instant

    private let logOffset: UInt64
    private let recordFile: String?
    private let state = Mutex(State.running(waiters: [:]))
    private let waiterIDs = Atomic<UInt64>(0)

    private init(name: String, command: Command, pid: Int32, logFile: String, logOffset: UInt64, recordFile: String?) {
        self.name = name
        self.command = command
        self.pid = pid
        self.logFile = logFile
        self.logOffset = logOffset
        self.recordFile = recordFile
        startedAt = .now
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - name: A name for messages.
    ///   - command: What to start.
    ///   - logFile: The file to which standard output and standard error are appended; its folder is created.
    ///   - recordFile: Where to note the process while it runs. A process of an earlier run that the file names, and that
    ///     outlived its parent, is stopped first.
    ///   - input: What the program reads from standard input, at most 4096 bytes.
    ///   - logger: Receives what happens to a process of an earlier run.
    /// - Throws: ``LocalStackError`` when the program cannot be started, or runs already under another parent.
    public static func start(
        name: String,
        command: Command,
        logFile: String,
        recordFile: String? = nil,
        input: [UInt8] = [],
        logger: Logger
    ) async throws -> ManagedProcess {
        if let recordFile {
            try await ProcessRecord.stopLeftover(at: recordFile, name: name, signal: command.stopSignal, logger: logger)
        }
        let folder = (logFile as NSString).deletingLastPathComponent
        if !folder.isEmpty {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        let logOffset = LogTail.size(of: logFile)
        let process = ManagedProcess(
            name: name,
            command: command,
            pid: try await Spawner.shared.spawn(command, logFile: logFile, input: input),
            logFile: logFile,
            logOffset: logOffset,
            recordFile: recordFile
        )
        var failure: (any Error)?
        if let recordFile {
            // Before the reaper runs: it removes the record.
            do {
                try ProcessRecord(of: process.pid, executable: command.executable)?.write(to: recordFile)
            } catch {
                failure = error
            }
        }
        Thread.detachNewThread { process.reap() }
        if let failure {
            await process.terminate(grace: .seconds(1))
            throw failure
        }
        logger.debug("process started", metadata: ["process": "\(name)", "pid": "\(process.pid)"])
        return process
    }

    /// Whether the process has not ended.
    public var isRunning: Bool { exitStatus == nil }

    /// How the process ended; nil while it runs.
    public var exitStatus: ExitStatus? {
        state.withLock {
            guard case .ended(let status) = $0 else { return nil }
            return status
        }
    }

    /// Waits until the process has ended.
    ///
    /// - Throws: `CancellationError` when the task is cancelled; the process goes on.
    @discardableResult
    public func waitForExit() async throws -> ExitStatus {
        let id = nextWaiterID()
        let status = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                wait(id, continuation)
                // The handler may have run before there was anything to abandon.
                if Task.isCancelled { abandon(id) }
            }
        } onCancel: {
            abandon(id)
        }
        guard let status else { throw CancellationError() }
        return status
    }

    /// Waits until the process has ended or the time is up, also in a cancelled task: cleaning up needs it.
    ///
    /// - Returns: How the process ended; nil when it still runs.
    public func waitForExit(timeout: Duration) async -> ExitStatus? {
        let id = nextWaiterID()
        return await withCheckedContinuation { continuation in
            wait(id, continuation)
            DispatchQueue.global().asyncAfter(deadline: .now() + timeout / .seconds(1)) { self.abandon(id) }
        }
    }

    /// Sends a signal, unless the process has ended.
    public func kill(_ signal: Int32) {
        state.withLock {
            // Under the lock the process is not yet reaped, so the number cannot belong to another one.
            guard case .running = $0 else { return }
            _ = Glibc.kill(pid, signal)
        }
    }

    /// Asks the process to stop, and kills it and its group when it has not ended in time. Works in a cancelled task.
    ///
    /// - Parameter grace: How long the process may take.
    @discardableResult
    public func terminate(grace: Duration) async -> ExitStatus {
        kill(command.stopSignal)
        if let status = await waitForExit(timeout: grace) { return status }
        while true {
            kill(SIGKILL)
            if let status = await waitForExit(timeout: .seconds(5)) { return status }
        }
    }

    /// The last lines that the process wrote; none of an earlier process with the same log file.
    public func lastLogLines(_ count: Int) -> [String] {
        LogTail.lines(count, of: logFile, from: logOffset)
    }

    // MARK: Waiting

    private func nextWaiterID() -> UInt64 {
        waiterIDs.add(1, ordering: .relaxed).newValue
    }

    private func wait(_ id: UInt64, _ continuation: CheckedContinuation<ExitStatus?, Never>) {
        let ended: ExitStatus? = state.withLock {
            switch $0 {
            case .running(var waiters):
                waiters[id] = continuation
                $0 = .running(waiters: waiters)
                return nil
            case .ended(let status):
                return status
            }
        }
        if let ended { continuation.resume(returning: ended) }
    }

    private func abandon(_ id: UInt64) {
        let waiter: CheckedContinuation<ExitStatus?, Never>? = state.withLock {
            guard case .running(var waiters) = $0 else { return nil }
            let waiter = waiters.removeValue(forKey: id)
            $0 = .running(waiters: waiters)
            return waiter
        }
        waiter?.resume(returning: nil)
    }

    /// Runs on a thread of its own until the process has ended.
    private func reap() {
        var info = siginfo_t()
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        if let recordFile { unlink(recordFile) }
        let (status, waiters) = state.withLock { state -> (ExitStatus, Waiters) in
            // The process is still a zombie: neither its number nor its group can have been given to others.
            _ = Glibc.kill(-pid, SIGKILL)
            var raw: Int32 = 0
            while waitpid(pid, &raw, 0) < 0, errno == EINTR {}
            let status = ExitStatus(waitStatus: raw)
            guard case .running(let waiters) = state else { return (status, [:]) }
            state = .ended(status)
            return (status, waiters)
        }
        for waiter in waiters.values { waiter.resume(returning: status) }
    }
}
