internal import Foundation
internal import Glibc
internal import Logging

/// Programs that are run to their end for their output.
enum Tool {
    struct Result: Sendable {
        let status: ManagedProcess.ExitStatus
        let output: String
    }

    /// Runs a program.
    ///
    /// - Parameters:
    ///   - command: What to run.
    ///   - input: What it reads from standard input.
    ///   - timeout: How long it may take before it is stopped.
    static func run(
        _ command: Command,
        input: [UInt8] = [],
        timeout: Duration = .seconds(60),
        logger: Logger
    ) async throws -> Result {
        let name = (command.executable as NSString).lastPathComponent
        let output = NSTemporaryDirectory() + "/contrail-\(name)-\(UUID().uuidString).out"
        defer { unlink(output) }
        let process = try await ManagedProcess.start(
            name: name,
            command: command,
            logFile: output,
            input: input,
            logger: logger
        )
        guard let status = await process.waitForExit(timeout: timeout) else {
            await process.terminate(grace: .seconds(1))
            throw LocalStackError(code: .toolFailed, message: "\(name) did not end within \(timeout)")
        }
        let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        return Result(status: status, output: text)
    }

    /// Runs a program and throws its output unless it succeeds.
    static func runSuccessfully(
        _ command: Command,
        input: [UInt8] = [],
        timeout: Duration = .seconds(60),
        logger: Logger
    ) async throws {
        let result = try await run(command, input: input, timeout: timeout, logger: logger)
        guard result.status.isSuccess else {
            throw LocalStackError(
                code: .toolFailed,
                message: "'\(command.executable)' failed with \(result.status): \(result.output.suffix(2000))"
            )
        }
    }
}
