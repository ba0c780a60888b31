internal import Foundation
internal import Glibc
internal import Logging

/// Where one server keeps its files.
///
/// `data/` belongs to the account that the server runs as; the rest to whoever starts it. When that account cannot reach
/// the folder, as in a clone below `/root`, `data` is a symbolic link to a private folder in `/var/tmp`.
struct PostgresFolder: Sendable {
    /// The folder that was asked for: log, passwords, process record.
    let directory: String
    /// The folder that the server's account owns, with symbolic links resolved.
    let data: String
    /// The account to run as, when that is not this process's own.
    let account: Command.Account?
    /// Whether `data` lies elsewhere.
    let isElsewhere: Bool

    /// The database cluster.
    var cluster: String { data + "/cluster" }

    /// Creates the folders.
    static func prepare(_ path: String, logger: Logger) async throws -> PostgresFolder {
        let directory = URL(fileURLWithPath: path).standardizedFileURL.path
        let files = FileManager.default
        try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let data = directory + "/data"
        guard geteuid() == 0 else {
            try makePrivate(data, owner: nil)
            return PostgresFolder(directory: directory, data: resolve(data), account: nil, isElsewhere: false)
        }
        // PostgreSQL refuses to run as root.
        guard let account = Command.Account(named: "postgres") else {
            throw LocalStackError(
                code: .unusableData,
                message:
                    "PostgreSQL does not run as root and there is no user 'postgres'; create one, or use another user"
            )
        }
        if (try? files.destinationOfSymbolicLink(atPath: data)) == nil {
            try makePrivate(data, owner: account)
            if try await isReachable(data, by: account, logger: logger) {
                return PostgresFolder(directory: directory, data: resolve(data), account: account, isElsewhere: false)
            }
            guard rmdir(data) == 0 else {
                throw LocalStackError(
                    code: .unusableData,
                    message: "user \(account.name) cannot reach '\(data)', which is not empty; run make clean-data"
                )
            }
            let elsewhere = privateFolder(for: directory)
            try makePrivate(elsewhere, owner: account)
            try files.createSymbolicLink(atPath: data, withDestinationPath: elsewhere)
        }
        let elsewhere = try files.destinationOfSymbolicLink(atPath: data)
        // A temporary folder may have been cleaned since.
        try makePrivate(elsewhere, owner: account)
        guard try await isReachable(elsewhere, by: account, logger: logger) else {
            throw LocalStackError(
                code: .unusableData,
                message: "user \(account.name) can reach neither '\(directory)' nor '\(elsewhere)'"
            )
        }
        return PostgresFolder(directory: directory, data: resolve(elsewhere), account: account, isElsewhere: true)
    }

    /// Removes a server's files, wherever they lie.
    static func remove(_ path: String) throws {
        let files = FileManager.default
        let directory = URL(fileURLWithPath: path).standardizedFileURL.path
        // Only the folder that `prepare` would have chosen: a link is no reason to remove anything else.
        if let elsewhere = try? files.destinationOfSymbolicLink(atPath: directory + "/data"),
            elsewhere == privateFolder(for: directory), files.fileExists(atPath: elsewhere)
        {
            try files.removeItem(atPath: elsewhere)
        }
        if files.fileExists(atPath: directory) { try files.removeItem(atPath: directory) }
    }

    /// Reads the secret in a file, or writes a random one that only the owner can read.
    func secret(_ name: String) throws -> String {
        let path = "\(directory)/\(name)"
        if let secret = existingSecret(name) { return secret }
        let secret = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0, write(descriptor, secret, secret.utf8.count) == secret.utf8.count, close(descriptor) == 0
        else {
            throw LocalStackError(code: .unusableData, message: "cannot write '\(path)'")
        }
        return secret
    }

    func existingSecret(_ name: String) -> String? {
        try? String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
    }

    private static func privateFolder(for directory: String) -> String {
        // FNV-1a: a stable name, not a secret; the owner is checked before the folder is used.
        let hash = directory.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return "/var/tmp/contrail-postgres-" + String(hash, radix: 16)
    }

    /// Creates a folder of mode 700, or accepts one that belongs to the right account and is no symbolic link.
    private static func makePrivate(_ path: String, owner: Command.Account?) throws {
        if mkdir(path, 0o700) == 0 {
            if let owner { chown(path, owner.userID, owner.groupID) }
        }
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == owner?.userID ?? geteuid()
        else {
            throw LocalStackError(
                code: .unusableData,
                message: "'\(path)' cannot be created as a folder of user \(owner?.name ?? String(geteuid()))"
            )
        }
    }

    private static func isReachable(_ path: String, by account: Command.Account, logger: Logger) async throws -> Bool {
        let probe = Command(
            executable: "/usr/bin/test",
            arguments: ["-w", "\(path)/."],
            workingDirectory: "/",
            account: account
        )
        return try await Tool.run(probe, logger: logger).status.isSuccess
    }

    private static func resolve(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
