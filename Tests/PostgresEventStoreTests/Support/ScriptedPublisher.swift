import Foundation
import PostgresEventStore
import Synchronization

/// A broker that keeps what is published, and fails or waits as a test says.
final class ScriptedPublisher: Sendable {
    struct Publication: Sendable, Hashable {
        var id: UUID
        var aggregate: String
        var version: Int
        var attempts: Int
        var publisher: String
    }

    struct Failure: Error {}

    private struct State {
        var accepted: [Publication] = []
        var refused: [Publication] = []
        var running: [String: Int] = [:]
        var overlaps = 0
        var mostRunning = 0
        var isHeld = false
        var held = 0
    }

    private let state = Mutex(State())
    private let script: @Sendable (OutboxMessage) async throws -> Void

    init(_ script: @escaping @Sendable (OutboxMessage) async throws -> Void = { _ in }) {
        self.script = script
    }

    /// What was acknowledged, in order.
    var accepted: [Publication] { state.withLock { $0.accepted } }
    var refused: [Publication] { state.withLock { $0.refused } }
    /// How often two relays published at the same time.
    var overlaps: Int { state.withLock { $0.overlaps } }
    /// The most publications at the same time.
    var mostRunning: Int { state.withLock { $0.mostRunning } }
    /// How many publications wait for ``release()``.
    var held: Int { state.withLock { $0.held } }

    /// Makes publications wait before they are acknowledged.
    func hold() { state.withLock { $0.isHeld = true } }

    func release() { state.withLock { $0.isHeld = false } }

    /// The versions of an aggregate in the order in which they were acknowledged.
    func versions(of aggregate: String) -> [Int] {
        accepted.filter { $0.aggregate == aggregate }.map(\.version)
    }

    /// What a relay of a name is given to publish with.
    func publish(as publisher: String = "relay") -> OutboxRelay.Publish {
        { message in
            let publication = Publication(
                id: message.id,
                aggregate: message.aggregateID,
                version: message.version,
                attempts: message.attempts,
                publisher: publisher
            )
            self.state.withLock { state in
                state.running[publisher, default: 0] += 1
                if state.running.count > 1 { state.overlaps += 1 }
                state.mostRunning = max(state.mostRunning, state.running.values.reduce(0, +))
            }
            defer {
                self.state.withLock { state in
                    let left = state.running[publisher, default: 1] - 1
                    state.running[publisher] = left > 0 ? left : nil
                }
            }
            if self.state.withLock({ $0.isHeld }) {
                self.state.withLock { $0.held += 1 }
                defer { self.state.withLock { $0.held -= 1 } }
                while self.state.withLock({ $0.isHeld }) { try await Task.sleep(for: .milliseconds(5)) }
            }
            do {
                try await self.script(message)
            } catch {
                self.state.withLock { $0.refused.append(publication) }
                throw error
            }
            self.state.withLock { $0.accepted.append(publication) }
        }
    }
}
