public import Observability
private import Synchronization

/// Keeps ended spans for a test to look at.
public final class InMemorySpanProcessor: SpanProcessor {
    private let state = Mutex<[FinishedSpan]>([])

    /// Creates an empty processor.
    public init() {}

    /// The spans that have ended so far, in the order in which they ended.
    public var spans: [FinishedSpan] { state.withLock { $0 } }

    /// The spans of a name.
    public func spans(named name: String) -> [FinishedSpan] {
        spans.filter { $0.name == name }
    }

    /// Keeps a span.
    public func onEnd(_ span: EndedSpan) {
        state.withLock { $0.append(span.finished) }
    }

    /// Has nothing to do.
    public func forceFlush(timeout: Duration) async -> Bool { true }

    /// Has nothing to do.
    public func shutdown(timeout: Duration) async -> Bool { true }
}

extension TracerProvider {
    /// Creates a provider whose spans a test can look at, with repeatable identifiers.
    ///
    /// - Parameters:
    ///   - processor: Keeps the spans.
    ///   - sampler: Decides which are recorded.
    ///   - seed: Makes the identifiers.
    public convenience init(
        testing processor: InMemorySpanProcessor,
        sampler: Sampler = .parentBased(root: .alwaysOn),
        seed: UInt64 = 1
    ) {
        self.init(
            resource: Resource(serviceName: "test", serviceVersion: "0", instanceID: "1"),
            sampler: sampler,
            ids: IDGenerator(seed: seed),
            processor: processor
        )
    }
}

/// Waits until a condition holds, looking often.
///
/// - Parameters:
///   - timeout: How long to wait at most.
///   - condition: What must hold.
/// - Returns: Whether it held in time.
public func eventually(
    within timeout: Duration = .seconds(30),
    _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let deadline = ContinuousClock.now + timeout
    while true {
        if try await condition() { return true }
        if ContinuousClock.now >= deadline { return false }
        try? await Task.sleep(for: .milliseconds(20))
    }
}
