import ContrailCLI
import Foundation
import LocalStack
import Logging

/// Runs one of the build's programs to its end.
enum Tool {
    static func run(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:]
    ) async throws -> (status: ManagedProcess.ExitStatus, output: String) {
        let log = FileManager.default.temporaryDirectory.path + "/contrail-tool-\(UUID().uuidString.prefix(8))"
        defer { try? FileManager.default.removeItem(atPath: log) }
        let process = try await ManagedProcess.start(
            name: program,
            command: Command(
                executable: "\(StackTrait.programs)/\(program)",
                arguments: arguments,
                environment: ProcessInfo.processInfo.environment.merging(environment) { $1 }
            ),
            logFile: log,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let status = try await process.waitForExit()
        return (status, try String(contentsOfFile: log, encoding: .utf8))
    }
}
