import ContrailCLI
import Foundation
import LocalStack
import Logging
import Testing

/// The Python of `dev/setup --tests`, with other people's implementations of what the shop speaks.
enum Python {
    /// The root of the clone.
    private static let clone = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path

    private static let executable = clone + "/.tools/venv/bin/python"

    /// What is not installed makes tests that need it be skipped, except in CI, where they fail.
    private static var isCI: Bool { ProcessInfo.processInfo.environment["CI"]?.isEmpty == false }

    static var isExpected: Bool { FileManager.default.isExecutableFile(atPath: executable) || isCI }

    /// The collector's program; there is none for some versions of Python.
    static var rotel: String? { packageFile("rotel/rotel-agent") }

    static var isRotelExpected: Bool { rotel != nil || isCI }

    private static func packageFile(_ path: String) -> String? {
        let libraries = clone + "/.tools/venv/lib"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: libraries)) ?? []
        return versions.map { "\(libraries)/\($0)/site-packages/\(path)" }
            .first { FileManager.default.fileExists(atPath: $0) }
    }

    /// The command that runs one of our programs.
    static func command(_ name: String, _ arguments: [String]) throws -> Command {
        try #require(
            FileManager.default.isExecutableFile(atPath: executable),
            "there is no \(executable); run dev/setup --tests"
        )
        return Command(
            executable: executable,
            arguments: [clone + "/Tests/EndToEndTests/Interoperability/Programs/\(name)"] + arguments,
            environment: ProcessInfo.processInfo.environment
                .merging(["PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"]) { $1 }
        )
    }

    /// Runs one of our programs to its end and decodes the line of JSON that it ends with.
    static func run<T: Decodable>(
        _ name: String,
        _ arguments: [String],
        as type: T.Type = T.self,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> T {
        let (status, output) = try await command(name, arguments).output(within: .seconds(60))
        let line = output.split(separator: "\n").last.map(String.init) ?? ""
        try #require(status == .exited(0), "\(name) \(arguments): \(output)", sourceLocation: sourceLocation)
        return try JSONDecoder().decode(T.self, from: Data(line.utf8))
    }
}

extension Command {
    /// Runs the program to its end; one that takes too long is killed.
    func output(within timeout: Duration) async throws -> (status: ManagedProcess.ExitStatus, output: String) {
        let log = FileManager.default.temporaryDirectory.path + "/contrail-output-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: log) }
        let process = try await ManagedProcess.start(
            name: (executable as NSString).lastPathComponent,
            command: self,
            logFile: log,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        var status = await process.waitForExit(timeout: timeout)
        if status == nil { status = await process.terminate(grace: .seconds(1)) }
        return (status ?? .signalled(SIGKILL), try String(contentsOfFile: log, encoding: .utf8))
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips a suite when there is no Python to test with; put it before other traits.
    static var python: ConditionTrait {
        .enabled("dev/setup --tests installs the Python packages that this needs") { Python.isExpected }
    }

    /// Skips a suite when there is no rotel.
    static var rotel: ConditionTrait {
        .enabled("dev/setup --tests installs rotel where it is published for the Python there is") {
            Python.isRotelExpected
        }
    }
}
