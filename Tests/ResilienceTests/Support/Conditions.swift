import Foundation
import Synchronization

/// Whether the long forms run (`make test-long`).
let isLong = ProcessInfo.processInfo.environment["CONTRAIL_LONG_TESTS"]?.isEmpty == false

/// Lets others run until a condition holds; false when it still does not after ten seconds.
func eventually(_ condition: () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(10)
    while !condition() {
        if ContinuousClock.now >= end { return false }
        await Task.yield()
    }
    return true
}

/// Waits until the task is cancelled, as a call does whose peer is silent.
func blackHole() async throws {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
    for await _ in stream {}
    continuation.finish()
    throw CancellationError()
}

/// What happened, in order, from any task.
final class Record<Element: Sendable>: Sendable {
    private let list = Mutex<[Element]>([])
    var elements: [Element] { list.withLock { $0 } }
    func append(_ element: Element) { list.withLock { $0.append(element) } }
}

struct Failure: Error {}

/// A number that many tasks change.
final class Counter: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .relaxed) }
    @discardableResult func add(_ change: Int = 1) -> Int {
        number.wrappingAdd(change, ordering: .relaxed).newValue
    }
}
