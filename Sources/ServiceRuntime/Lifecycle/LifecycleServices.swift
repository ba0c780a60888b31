internal import ContrailInstrumentation
internal import Foundation
internal import Logging
internal import Resilience
internal import ServiceLifecycle

/// Background work as a service of the group.
struct WorkService: Service, CustomStringConvertible {
    let work: BackgroundWork
    let gate: Gate

    var description: String { work.name }

    func run() async throws {
        switch work.start {
        case .atOnce: break
        case .whenPrepared:
            // Told to stop before everything was prepared: there is nothing to finish.
            guard (try? await cancelWhenGracefulShutdown({ try await gate.wait() })) != nil else { return }
        }
        if let beginShutdown = work.beginShutdown {
            try await withGracefulShutdownHandler {
                try await work.run()
            } onGracefulShutdown: {
                beginShutdown()
            }
        } else {
            do {
                try await cancelWhenGracefulShutdown { try await work.run() }
            } catch is CancellationError {}
        }
    }
}

/// Runs the preparations in order, each until it succeeds, then opens the gate.
struct PreparationService: Service, CustomStringConvertible {
    let preparations: [Preparation]
    let gate: Gate
    let logger: Logger
    /// Whether it goes on once it is done: a service of a group ends with the group.
    var waitsForShutdown = true

    var description: String { "preparations" }

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await prepare() }
        } catch is CancellationError {
            return
        }
        if waitsForShutdown { try? await gracefulShutdown() }
    }

    private func prepare() async throws {
        let backoff = ExponentialBackoff(initial: .milliseconds(200), maximum: .seconds(5))
        for preparation in preparations {
            var failures = 0
            while true {
                do {
                    try await preparation.run()
                    break
                } catch let error as any UnrecoverablePreparation {
                    logger.critical("preparation is impossible", metadata: ["step": "\(preparation.name)"])
                    throw error
                } catch {
                    if Task.isCancelled { throw CancellationError() }
                    failures += 1
                    logger.notice(
                        "waiting for what the service needs",
                        metadata: [
                            "step": "\(preparation.name)", "reason": "\(error)", "failures": "\(failures)",
                        ]
                    )
                    try await Task.sleep(for: backoff.delay(afterFailures: failures))
                }
            }
            logger.debug("prepared", metadata: ["step": "\(preparation.name)"])
        }
        gate.open()
        logger.info("ready")
    }
}

/// An error that repeating a preparation cannot cure, such as a database that is newer than the code.
public protocol UnrecoverablePreparation: Error {}

/// Notices first that the process was told to stop: readiness ends, and a deadline begins that nothing can miss.
struct StopService: Service, CustomStringConvertible {
    let readiness: Readiness
    let grace: Duration
    let logger: Logger

    var description: String { "stop" }

    func run() async throws {
        try await gracefulShutdown()
        readiness.beginShutdown()
        logger.info("stopping", metadata: ["grace": "\(grace)"])
        // A thread, not a task: it must work also when every cooperative thread is stuck.
        let thread = Thread { [grace, logger] in
            Thread.sleep(forTimeInterval: grace / .seconds(1))
            logger.critical("did not stop within the grace period, exiting now", metadata: ["grace": "\(grace)"])
            exit(1)
        }
        thread.name = "stop-deadline"
        thread.start()
    }
}
