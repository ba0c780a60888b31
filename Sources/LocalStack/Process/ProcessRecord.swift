internal import Foundation
internal import Glibc
internal import Logging

/// A note in the data folder of a process and of the one that looks after it, for the next run.
struct ProcessRecord: Codable, Sendable {
    let process: ProcessIdentity
    let executable: String
    let supervisor: ProcessIdentity

    /// Describes a child of this process; nil when it has ended.
    init?(of pid: Int32, executable: String) {
        guard let process = ProcessIdentity(pid: pid), let supervisor = ProcessIdentity(pid: getpid()) else {
            return nil
        }
        self.process = process
        self.executable = executable
        self.supervisor = supervisor
    }

    func write(to path: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try JSONEncoder().encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    /// Stops the process that a record names if it outlived its supervisor. A number that has since been given to another
    /// process is recognised by start time and executable, and left alone.
    ///
    /// - Throws: ``LocalStackError`` when the supervisor lives, for the data is in use then.
    static func stopLeftover(at path: String, name: String, signal: Int32, logger: Logger) async throws {
        guard let data = FileManager.default.contents(atPath: path) else { return }
        // An unreadable record names nobody.
        guard let record = try? JSONDecoder().decode(ProcessRecord.self, from: data),
            record.process.isAlive, record.process.runs(record.executable)
        else {
            unlink(path)
            return
        }
        guard !record.supervisor.isAlive else {
            throw LocalStackError(
                code: .alreadyRunning,
                message: """
                    \(name) is already running as process \(record.process.pid), started by process \
                    \(record.supervisor.pid); stop that one first (record '\(path)')
                    """
            )
        }
        logger.warning(
            "stopping a process that outlived an earlier run",
            metadata: ["process": "\(name)", "pid": "\(record.process.pid)"]
        )
        kill(record.process.pid, signal)
        if try await !isGone(record.process, within: .seconds(10)) {
            kill(record.process.pid, SIGKILL)
            guard try await isGone(record.process, within: .seconds(10)) else {
                throw LocalStackError(
                    code: .alreadyRunning,
                    message: "process \(record.process.pid) of an earlier run of \(name) does not end; end it by hand"
                )
            }
        }
        unlink(path)
    }

    private static func isGone(_ process: ProcessIdentity, within timeout: Duration) async throws -> Bool {
        let deadline = ContinuousClock.now + timeout
        while process.isAlive {
            guard ContinuousClock.now < deadline else { return false }
            try await Task.sleep(for: .milliseconds(20))
        }
        return true
    }
}
