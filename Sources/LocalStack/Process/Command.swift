public import Foundation

/// A program to start: its file, arguments and surroundings.
public struct Command: Sendable {
    /// The path of the executable file.
    public var executable: String
    /// The arguments after the program's name.
    public var arguments: [String]
    /// The whole environment of the process.
    public var environment: [String: String]
    /// The folder in which the process starts; the parent's when nil.
    public var workingDirectory: String?
    /// The account to run as. Only root can change it.
    public var account: Account?
    /// The signal that ends the process when this one dies without stopping it; none when nil.
    public var parentDeathSignal: ParentDeathSignal?
    /// The signal that asks the process to stop.
    public var stopSignal: Int32

    /// Creates a command.
    ///
    /// - Parameters:
    ///   - executable: The path of the executable file.
    ///   - arguments: The arguments after the program's name.
    ///   - environment: The whole environment; this process's own by default.
    ///   - workingDirectory: The folder to start in; this process's own by default.
    ///   - account: The account to run as; this process's own by default.
    ///   - stopSignal: The signal that asks the process to stop.
    ///   - parentDeathSignal: The signal that ends the process when this one dies without stopping it.
    public init(
        executable: String,
        arguments: [String] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment,
        workingDirectory: String? = nil,
        account: Account? = nil,
        stopSignal: Int32 = SIGTERM,
        parentDeathSignal: ParentDeathSignal? = .kill
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.account = account
        self.stopSignal = stopSignal
        self.parentDeathSignal = parentDeathSignal
    }

    /// A signal that the kernel sends when the parent has died, by the name that `setpriv` knows it by.
    public enum ParentDeathSignal: String, Sendable {
        /// SIGKILL: ends the process whatever it does.
        case kill = "KILL"
        /// SIGTERM: for a server that then stops by itself.
        case terminate = "TERM"
        /// SIGINT: PostgreSQL's fast shutdown.
        case interrupt = "INT"
    }

    /// A user of the operating system.
    public struct Account: Hashable, Sendable {
        /// The user's name.
        public let name: String
        /// The user's number.
        public let userID: UInt32
        /// The number of the user's own group.
        public let groupID: UInt32

        /// Looks a user up; nil when there is none of that name.
        public init?(named name: String) {
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            var buffer = [CChar](repeating: 0, count: 16384)
            guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
            self.name = name
            userID = entry.pw_uid
            groupID = entry.pw_gid
        }
    }
}

extension Command {
    /// The arguments of the exec chain: `env` changes the folder, `setpriv` the account and the parent-death signal, each
    /// then becomes the next, so the process keeps its number.
    ///
    /// `posix_spawn` can do neither, and nothing but `posix_spawn` is safe between fork and exec in a threaded process.
    func argumentVector() -> [String] {
        var vector: [String] = []
        if let workingDirectory {
            vector += ["/usr/bin/env", "--chdir=\(workingDirectory)"]
        }
        if let setpriv = Self.setpriv {
            vector += [setpriv]
            if let account {
                vector += ["--reuid=\(account.userID)", "--regid=\(account.groupID)", "--init-groups"]
            }
            // setpriv sets this after it has changed the account, which would clear it.
            vector += ["--pdeathsig=\(parentDeathSignal?.rawValue ?? "clear")", "--"]
        }
        return vector + [executable] + arguments
    }

    /// Throws a clear error for what would otherwise be one line of `setpriv` in a log file.
    func validate() throws {
        guard access(executable, X_OK) == 0 else {
            throw LocalStackError(code: .cannotStart, message: "'\(executable)' is not an executable file")
        }
        if let workingDirectory {
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: workingDirectory, isDirectory: &isDirectory),
                isDirectory.boolValue
            else {
                throw LocalStackError(code: .cannotStart, message: "'\(workingDirectory)' is not a folder")
            }
        }
        if let account, Self.setpriv == nil {
            throw LocalStackError(
                code: .cannotStart,
                message: "setpriv (util-linux) is needed to run '\(executable)' as user \(account.name)"
            )
        }
    }

    private static let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].first { (path: String) in access(path, X_OK) == 0
    }
}
