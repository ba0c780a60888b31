import Foundation
import GRPCCore
import Resilience
import TestKit
import Testing

@testable import ContrailInstrumentation

/// A gRPC server closes the connection of a client that resets 200 streams in 30 seconds, under all calls that run on it.
@Suite("Mass expiry on one connection", .serialized)
struct ResetBudgetTests {
    /// What became of an innocent call while many others expired.
    private struct Outcome {
        var innocent: (any Error)?
        var arrived: Int
    }

    /// Lets many calls expire beside an innocent one.
    ///
    /// - Parameters:
    ///   - isDeaf: Whether handlers go on when their time is up, so that callers must reset their streams.
    ///   - calls: How many calls begin in all.
    ///   - waves: How many times calls begin, the next when those before have ended.
    ///   - spacing: The time between the beginnings in a wave.
    private func expire(
        _ configuration: ResilienceConfiguration,
        isDeaf: Bool,
        calls: Int = 240,
        waves: Int = 4,
        spacing: Duration = .zero
    ) async throws -> Outcome {
        var outcome = Outcome(arrived: 0)
        let isOver = Gate()
        let script: ScriptedService.Script = { message, _ in
            switch message {
            case "innocent": try await isOver.wait()
            case _ where isDeaf:
                await withCheckedContinuation { done in Thread.later(.milliseconds(700)) { done.resume() } }
            default: try await Task.sleep(for: .seconds(20))
            }
        }
        try await GuardedBench.run(configuration, isProxied: false, script: script) { bench async throws in
            async let innocent: (any Error)? = {
                do {
                    // Not through the pipeline, whose time-out is that of the others.
                    let answer = try await bench.direct("innocent", timeout: .seconds(60))
                    return answer == ["innocent"] ? nil : RPCError(code: .dataLoss, message: "\(answer)")
                } catch { return error }
            }()
            #expect(await eventually { bench.service.metadata.count == 1 })
            for _ in 0..<waves {
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<calls / waves {
                        group.addTask {
                            try? await Task.sleep(for: spacing * number)
                            await #expect(throws: RPCError.self) { _ = try await bench.call("victim") }
                        }
                    }
                }
            }
            isOver.open()
            outcome = Outcome(innocent: await innocent, arrived: bench.service.metadata.count - 1)
        }
        return outcome
    }

    private static let guarded: ResilienceConfiguration = {
        var configuration = ResilienceConfiguration.plain(.milliseconds(300))
        configuration.circuitBreaker = CircuitBreaker.Configuration(probeLease: .seconds(1))
        return configuration
    }()

    @Test("Control: without the server's time-out and without a breaker an innocent call dies with the connection")
    func control() async throws {
        let outcome = try await expire(.plain(.milliseconds(300)), isDeaf: true, calls: 720, waves: 12)
        #expect(outcome.arrived > 100)
        #expect((outcome.innocent as? RPCError)?.code == .unavailable)
    }

    @Test("The server's time-out comes first: nobody resets, and the innocent call survives")
    func serverTimeout() async throws {
        let outcome = try await expire(
            // Long enough for the server to have half a second for its answers.
            .plain(.seconds(5)),
            isDeaf: false,
            waves: 1,
            spacing: .milliseconds(20)
        )
        #expect(outcome.arrived > 200)
        #expect(outcome.innocent == nil)
    }

    @Test("The breaker opens before the budget of resets is spent, and the innocent call survives")
    func breaker() async throws {
        let outcome = try await expire(Self.guarded, isDeaf: true)
        #expect(outcome.arrived >= 20 && outcome.arrived < 200)
        #expect(outcome.innocent == nil)
    }

    @Test(
        "The bulkhead bounds how many expire in one instant, before the breaker can know, and the innocent call survives"
    )
    func bulkhead() async throws {
        var configuration = Self.guarded
        configuration.bulkhead = Bulkhead.Configuration(maximumConcurrent: 64)
        let outcome = try await expire(configuration, isDeaf: true, waves: 1)
        #expect(outcome.arrived >= 1 && outcome.arrived < 200)
        #expect(outcome.innocent == nil)
    }
}

extension GuardedBench {
    /// Makes a call that is not protected, on the connection of the others.
    func direct(_ message: String, timeout: Duration) async throws -> [String] {
        var options = CallOptions.defaults
        options.timeout = timeout
        return try await connection.bidirectionalStreaming(
            request: StreamingClientRequest { try await $0.write(message) },
            descriptor: EchoService.unary,
            serializer: StringCoder(),
            deserializer: StringCoder(),
            options: options
        ) { response in
            try await response.messages.reduce(into: []) { $0.append($1) }
        }
    }
}

extension Thread {
    /// Does something later, whatever becomes of the task.
    static func later(_ delay: DispatchTimeInterval, _ body: @escaping @Sendable () -> Void) {
        DispatchQueue.global().asyncAfter(deadline: .now() + delay, execute: body)
    }
}
