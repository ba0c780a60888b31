internal import Foundation
internal import Logging
internal import Testing

@testable internal import LocalStack

let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Lends a folder that is removed afterwards.
func withTemporaryDirectory<R>(_ body: (String) async throws -> R) async throws -> R {
    let path = "/tmp/contrail-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try await body(path)
}

/// Waits until a condition holds.
func eventually(
    within timeout: Duration = .seconds(20),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + timeout
    while try await !condition() {
        try #require(ContinuousClock.now < deadline, "not within \(timeout)", sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(10))
    }
}

/// A shell script as a command.
func shell(_ script: String, _ arguments: String...) -> Command {
    Command(executable: "/bin/sh", arguments: ["-c", script, "sh"] + arguments)
}

/// Runs SQL as `psql` does and returns its output, or nil when it fails.
func query(_ sql: String, _ environment: [String: String]) async throws -> String? {
    let command = Command(
        executable: "/usr/bin/psql",
        arguments: ["-X", "-A", "-t", "-q", "-c", sql],
        environment: ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
    )
    let result = try await Tool.run(command, logger: logger)
    return result.status.isSuccess ? result.output.trimmingCharacters(in: .whitespacesAndNewlines) : nil
}
