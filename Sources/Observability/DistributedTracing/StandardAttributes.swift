internal import Synchronization
internal import Tracing

/// What was written to a span through the standard API's attributes, until somebody converts it.
///
/// The standard API changes one value by reading and writing all of them; conversion at each change would cost more than
/// the span.
struct StandardAttributes: ~Copyable, Sendable {
    private let written = Mutex(SpanAttributes())
    /// Whether there may be something: most spans never see the standard API, and pay one load for it.
    private let isUsed = Atomic<Bool>(false)

    /// Whether there may be something to convert.
    var isWritten: Bool { isUsed.load(ordering: .acquiring) }

    /// Forgets what there is: also what a writer put back after the conversion, which is no business of the next span.
    func clear() {
        guard isWritten else { return }
        isUsed.store(false, ordering: .relaxed)
        _ = take()
    }

    /// Takes what there is, to change it. Somebody else who writes meanwhile begins with nothing.
    func take() -> SpanAttributes {
        written.withLock { written in
            let taken = written
            written = SpanAttributes()
            return taken
        }
    }

    /// Puts what was taken back, over what was written meanwhile.
    func put(_ attributes: SpanAttributes) {
        written.withLock { written in
            if written.isEmpty { written = attributes } else { written.merge(attributes) }
        }
        isUsed.store(true, ordering: .releasing)
    }

    func copy() -> SpanAttributes { written.withLock { $0 } }

    /// Converts what there is. What came from the span itself and was only written back keeps its kind.
    ///
    /// - Returns: How many names the limits dropped.
    func convert(into attributes: inout Attributes, _ limits: AttributeLimits) -> Int {
        let taken = take()
        guard !taken.isEmpty else { return 0 }
        var dropped = 0
        // The standard API's have no order; the same span should look the same each time.
        for element in Attributes(taken).sorted(by: { $0.key < $1.key }) {
            if let recorded = attributes[element.key], AttributeValue(recorded.spanAttribute) == element.value {
                continue
            }
            dropped += attributes.set(element.key, element.value, limits)
        }
        return dropped
    }
}
