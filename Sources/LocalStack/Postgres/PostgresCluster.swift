internal import Foundation
internal import Glibc
internal import Logging

/// A database cluster on the disk, while no server runs on it.
struct PostgresCluster: Sendable {
    let folder: PostgresFolder
    let installation: Installation
    let logger: Logger

    /// Creates the cluster unless it is there, and checks that a server may be started on it.
    func initialise(fsync: Bool) async throws {
        let record = folder.directory + "/postgres.process.json"
        try await ProcessRecord.stopLeftover(at: record, name: "PostgreSQL", signal: SIGINT, logger: logger)
        try await PostgresProcesses.settle(cluster: folder.cluster, logger: logger)
        let versionFile = folder.cluster + "/PG_VERSION"
        if let version = try? String(contentsOfFile: versionFile, encoding: .utf8) {
            try check(version: version.trimmingCharacters(in: .whitespacesAndNewlines))
            return
        }
        // Renamed when it is complete, so that an interrupted initdb leaves nothing that looks like a cluster.
        let scratch = folder.data + "/cluster.new"
        let files = FileManager.default
        if files.fileExists(atPath: scratch) { try files.removeItem(atPath: scratch) }
        let password = try folder.secret(PostgresServer.superuserPassword)
        let passwordFile = folder.data + "/initdb-password"
        try writeForAccount(password + "\n", to: passwordFile)
        defer { unlink(passwordFile) }
        var arguments = [
            "-D", scratch, "--username=\(PostgresServer.superuser)", "--pwfile=\(passwordFile)",
            "--auth-host=scram-sha-256", "--auth-local=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
        ]
        if !fsync { arguments.append("--no-sync") }
        try await Tool.runSuccessfully(command("initdb", arguments), logger: logger)
        try files.moveItem(atPath: scratch, toPath: folder.cluster)
    }

    /// A program of the installation, run as the server's account, deaf to the `PG*` variables of the surroundings.
    func command(_ program: String, _ arguments: [String]) -> Command {
        Command(
            executable: "\(installation.directory)/\(program)",
            arguments: arguments,
            environment: PostgresServer.neutralEnvironment(),
            workingDirectory: folder.data,
            account: folder.account
        )
    }

    /// Writes a file that only the server's account (and root) can read, in the folder that only it can enter.
    private func writeForAccount(_ text: String, to path: String) throws {
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        defer { if descriptor >= 0 { close(descriptor) } }
        guard descriptor >= 0, write(descriptor, text, text.utf8.count) == text.utf8.count,
            folder.account.map({ fchown(descriptor, $0.userID, $0.groupID) }) ?? 0 == 0
        else {
            throw LocalStackError(code: .unusableData, message: "cannot write '\(path)'")
        }
    }

    private func check(version: String) throws {
        let installed = installation.numbers.first ?? 0
        guard Int(version) == installed else {
            throw LocalStackError(
                code: .unusableData,
                message: """
                    the data in '\(folder.cluster)' was made by PostgreSQL \(version), but the installed one is \
                    \(installation.version); install the former, or remove the data with make clean-data
                    """
            )
        }
        guard folder.existingSecret(PostgresServer.superuserPassword) != nil else {
            throw LocalStackError(
                code: .unusableData,
                message: "'\(folder.directory)/\(PostgresServer.superuserPassword)' is missing; run make clean-data"
            )
        }
    }
}
