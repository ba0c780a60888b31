public import Foundation
internal import Glibc
public import Logging

/// An installed server program and its version.
public struct Installation: Hashable, Sendable {
    /// The path of the executable file.
    public let executable: String
    /// The version, such as `2.15.1` or `15.18`.
    public let version: String

    var directory: String { (executable as NSString).deletingLastPathComponent }

    /// The version's numbers, for comparisons.
    var numbers: [Int] { version.split(separator: ".").map { Int($0) ?? 0 } }

    func isAtLeast(_ minimum: [Int]) -> Bool { !numbers.lexicographicallyPrecedes(minimum) }

    /// Finds a program that dev/setup installs or that the machine has: in `.tools/bin` of the clone, otherwise in `PATH`.
    ///
    /// - Parameters:
    ///   - program: The program's name, such as `prometheus`.
    ///   - environment: Where `PATH` is looked up.
    ///   - logger: Receives the details of the search at debug level.
    /// - Throws: ``LocalStackError`` when there is none that tells its version.
    public static func find(
        _ program: String,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        logger: Logger
    ) async throws -> Installation {
        for path in candidates(inCloneAt: ".tools/bin/\(program)") + candidates(named: program, in: environment) {
            if let installation = await probe(path, logger: logger) { return installation }
        }
        throw LocalStackError(code: .notInstalled, message: "\(program) is not installed; run dev/setup")
    }

    /// Asks a program for its version with `--version`; nil when it does not say.
    static func probe(_ executable: String, logger: Logger) async -> Installation? {
        guard access(executable, X_OK) == 0 else { return nil }
        let command = Command(executable: executable, arguments: ["--version"])
        guard let result = try? await Tool.run(command, timeout: .seconds(10), logger: logger), result.status.isSuccess,
            let version = result.output.firstMatch(of: /\d+(\.\d+)+|\d+/)
        else { return nil }
        return Installation(executable: executable, version: String(version.output.0))
    }

    /// The files of a name in the folders of `PATH`, in order.
    static func candidates(named name: String, in environment: [String: String]) -> [String] {
        (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }.filter { access($0, X_OK) == 0 }
    }

    /// The files of a path below the current folder, this program's folder and their parents: the clone's root, wherever
    /// in it the program was started or built.
    static func candidates(inCloneAt path: String) -> [String] {
        let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let starts = [FileManager.default.currentDirectoryPath, program].compactMap { $0 }
        var found: [String] = []
        for start in starts {
            var folder = URL(fileURLWithPath: start).standardizedFileURL
            while folder.path != "/" {
                let candidate = folder.appendingPathComponent(path).path
                if access(candidate, X_OK) == 0, !found.contains(candidate) { found.append(candidate) }
                folder.deleteLastPathComponent()
            }
        }
        return found
    }
}
