internal import ContrailInstrumentation
internal import Foundation
internal import Logging
private import Synchronization

/// Answers whether the service can do its work: it is prepared, not stopping, and what it depends on is there.
final class Readiness: Sendable {
    /// The answer to one question.
    struct Report: Sendable {
        /// What is wrong, by dependency; empty when ready.
        let problems: [(name: String, reason: String)]
        /// What was asked.
        let names: [String]
        /// Whether calls can be answered, although other work may have to wait.
        let servesCalls: Bool

        var isReady: Bool { problems.isEmpty }

        /// `{"status":"unavailable","checks":{"nats":"reconnecting","postgresql":"ok"}}`
        var json: String {
            var checks: [String: String] = [:]
            for name in names { checks[name] = "ok" }
            for problem in problems { checks[problem.name] = problem.reason }
            let body = Body(status: isReady ? "ok" : "unavailable", checks: checks)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            guard let data = try? encoder.encode(body) else { return "{}" }
            return String(decoding: data, as: UTF8.self) + "\n"
        }

        private struct Body: Encodable {
            let status: String
            let checks: [String: String]
        }
    }

    private let dependencies: [Dependency]
    private let gate: Gate
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        var isStopping = false
        var failing: Set<String> = []
    }

    init(dependencies: [Dependency], gate: Gate, logger: Logger) {
        self.dependencies = dependencies
        self.gate = gate
        self.logger = logger
        state = Mutex(State())
    }

    /// From now on the service is not ready, so that nobody sends it new work.
    func beginShutdown() {
        state.withLock { $0.isStopping = true }
    }

    /// Whether the service was told to stop.
    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Asks every dependency, at the same time and for at most a second.
    func report() async -> Report {
        var problems: [(name: String, reason: String)] = []
        if isStopping { problems.append(("service", "stopping")) }
        if !gate.isOpen { problems.append(("service", "starting")) }
        let failures = await withTaskGroup(of: (name: String, reason: String)?.self) { group in
            for dependency in dependencies {
                group.addTask { await Self.ask(dependency).map { (dependency.name, $0) } }
            }
            var failures: [(name: String, reason: String)] = []
            for await failure in group {
                if let failure { failures.append(failure) }
            }
            return failures
        }
        noteChanges(failures)
        let needed = Set(dependencies.filter(\.isNeededForCalls).map(\.name))
        return Report(
            problems: problems + failures.sorted { $0.name < $1.name },
            names: dependencies.map(\.name),
            servesCalls: problems.isEmpty && !failures.contains { needed.contains($0.name) }
        )
    }

    /// What is wrong with a dependency, or `nil`.
    private static func ask(_ dependency: Dependency) async -> String? {
        await withTaskGroup(of: String?.self) { group in
            group.addTask {
                do {
                    try await dependency.check()
                    return nil
                } catch {
                    return "\(error)"
                }
            }
            group.addTask {
                try? await Task.sleep(for: .seconds(1))
                return "no answer within a second"
            }
            let answer = await group.next() ?? nil
            group.cancelAll()
            return answer
        }
    }

    private func noteChanges(_ failures: [(name: String, reason: String)]) {
        let names = Set(failures.map(\.name))
        let before = state.withLock { state in
            defer { state.failing = names }
            return state.failing
        }
        for failure in failures where !before.contains(failure.name) {
            logger.warning(
                "dependency is away",
                metadata: ["dependency": "\(failure.name)", "reason": "\(failure.reason)"]
            )
        }
        for name in before.subtracting(names) {
            logger.notice("dependency is back", metadata: ["dependency": "\(name)"])
        }
    }
}
