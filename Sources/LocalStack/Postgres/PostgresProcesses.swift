internal import Foundation
internal import Glibc
internal import Logging

/// The processes of a database cluster. Each of them has the cluster as its current folder.
enum PostgresProcesses {
    /// How long sessions may take to notice that their postmaster is gone.
    private static let patience = Duration.seconds(5)

    /// Makes sure that a server can start on a cluster: sessions of a killed one hold its shared memory until they end.
    ///
    /// - Throws: ``LocalStackError`` when a server runs on the cluster.
    static func settle(cluster: String, logger: Logger) async throws {
        let lock = cluster + "/postmaster.pid"
        let postmaster = (try? String(contentsOfFile: lock, encoding: .utf8))?
            .split(separator: "\n").first.flatMap { Int32($0) }
        var left = processes(of: cluster)
        if let postmaster, left.contains(where: { $0.pid == postmaster }) {
            throw LocalStackError(
                code: .alreadyRunning,
                message:
                    "a PostgreSQL server already runs on '\(cluster)' as process \(postmaster); stop that one first"
            )
        }
        let deadline = ContinuousClock.now + patience
        while !left.isEmpty, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(20))
            left = processes(of: cluster)
        }
        for process in left {
            logger.warning("killing a session of a dead server", metadata: ["pid": "\(process.pid)"])
            kill(process.pid, SIGKILL)
        }
        while !processes(of: cluster).isEmpty {
            try await Task.sleep(for: .milliseconds(20))
        }
        // The number in the lock file may meanwhile belong to a process of another kind, which PostgreSQL would take for
        // its predecessor.
        if let postmaster, ProcessIdentity(pid: postmaster) != nil { unlink(lock) }
    }

    private static func processes(of cluster: String) -> [ProcessIdentity] {
        let files = FileManager.default
        let numbers = ((try? files.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
        return numbers.compactMap { pid in
            guard (try? files.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")) == cluster else { return nil }
            return ProcessIdentity(pid: pid)
        }
    }
}
