import Foundation
import Observability
import Synchronization

/// An exporter that keeps what it gets and does what a test says.
///
/// It may be held: then an export blocks its thread, as a backend that does not answer would, until it is released.
final class ScriptedExporter: SpanExporter {
    struct Call: Sendable {
        var names: [String]
        var at: ContinuousClock.Instant
        var deadline: ContinuousClock.Instant
        var resource: Resource
    }

    private struct State {
        var calls: [Call] = []
        var returned = 0
        var running = 0
        var mostRunning = 0
        var isHeld = false
        var shutdowns: [ContinuousClock.Instant] = []
        var threads: Set<String> = []
    }

    private let state = Mutex(State())
    private let gate = NSCondition()
    private let result: @Sendable ([FinishedSpan]) -> SpanExportResult

    let server: ExportServer? = ExportServer(address: "backend", port: "4318")

    init(_ result: @escaping @Sendable ([FinishedSpan]) -> SpanExportResult = { SpanExportResult(exported: $0.count) })
    {
        self.result = result
    }

    /// The calls so far, also one that has not returned.
    var calls: [Call] { state.withLock { $0.calls } }
    var names: [String] { calls.flatMap(\.names) }
    var returned: Int { state.withLock { $0.returned } }
    /// The most calls that ran at the same time.
    var mostRunning: Int { state.withLock { $0.mostRunning } }
    var isBlocked: Bool { state.withLock { $0.running > 0 && $0.isHeld } }
    var shutdowns: [ContinuousClock.Instant] { state.withLock { $0.shutdowns } }
    /// The threads that the calls came from, as folders of `/proc`.
    var threads: Set<String> { state.withLock { $0.threads } }

    func hold() {
        state.withLock { $0.isHeld = true }
    }

    func release() {
        state.withLock { $0.isHeld = false }
        gate.lock()
        gate.broadcast()
        gate.unlock()
    }

    func export(
        _ batch: [FinishedSpan],
        resource: Resource,
        deadline: ContinuousClock.Instant
    ) -> SpanExportResult {
        let thread = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
        let call = Call(names: batch.map(\.name), at: .now, deadline: deadline, resource: resource)
        state.withLock { state in
            state.calls.append(call)
            state.running += 1
            state.mostRunning = max(state.mostRunning, state.running)
            if let thread { state.threads.insert("/proc/" + thread) }
        }
        gate.lock()
        while state.withLock({ $0.isHeld }) { gate.wait() }
        gate.unlock()
        let result = result(batch)
        state.withLock { state in
            state.running -= 1
            state.returned += 1
        }
        return result
    }

    func shutdown(deadline: ContinuousClock.Instant) {
        state.withLock { $0.shutdowns.append(deadline) }
    }
}
