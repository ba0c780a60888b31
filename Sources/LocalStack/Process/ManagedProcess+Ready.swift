extension ManagedProcess {
    /// Waits until a probe succeeds.
    ///
    /// - Parameters:
    ///   - timeout: How long to wait.
    ///   - probe: Asks the process whether it is ready. It must return in a short time by itself.
    /// - Throws: ``LocalStackError`` with the last log lines when the process ends first or is not ready in time;
    ///   `CancellationError` when the task is cancelled. The process is left as it is.
    public func waitUntilReady(timeout: Duration, probe: @Sendable () async -> Bool) async throws {
        let deadline = ContinuousClock.now + timeout
        var pause = Duration.milliseconds(5)
        while true {
            if let exitStatus {
                throw failure(.exitedEarly, "ended with \(exitStatus) before it was ready")
            }
            if await probe(), isRunning { return }
            guard ContinuousClock.now < deadline || !isRunning else {
                throw failure(.notReady, "was not ready within \(timeout)")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(50))
        }
    }

    private func failure(_ code: LocalStackError.Code, _ what: String) -> LocalStackError {
        let lines = lastLogLines(20)
        let tail = lines.isEmpty ? "it wrote nothing" : "its last lines:\n  " + lines.joined(separator: "\n  ")
        return LocalStackError(code: code, message: "\(name) \(what); log file '\(logFile)'; \(tail)")
    }
}
