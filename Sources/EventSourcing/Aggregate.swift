/// A consistency boundary whose state is the fold of its events.
///
/// `apply` is total and never throws: what was recorded happened. Decisions, which may refuse, are functions of the
/// state that return new events.
public protocol Aggregate: Sendable {
    /// The events that change it.
    associatedtype Event: DomainEvent

    /// Creates the state before any event.
    init()

    /// Changes the state by one event.
    ///
    /// - Parameters:
    ///   - event: What happened.
    ///   - recording: When and where it was recorded.
    mutating func apply(_ event: Event, recording: EventRecording)
}

/// When and where an event was recorded.
public struct EventRecording: Sendable, Hashable {
    /// The aggregate's version that the event made: 1 for the first.
    public var version: Int
    /// When it was written, in nanoseconds since the Unix epoch.
    public var recordedAt: UInt64

    /// Creates a recording.
    public init(version: Int, recordedAt: UInt64) {
        self.version = version
        self.recordedAt = recordedAt
    }
}

/// An aggregate as its events tell it.
public struct Versioned<State: Aggregate>: Sendable {
    /// The state.
    public private(set) var state = State()
    /// The number of events behind it; 0 when it does not exist.
    public private(set) var version = 0

    /// Creates the state before any event.
    public init() {}

    /// Folds recorded events.
    ///
    /// - Throws: ``EventStoreError`` when an event cannot be decoded or a version is missing.
    public mutating func apply(_ events: [RecordedEvent]) throws {
        for event in events {
            guard event.recording.version == version + 1 else {
                throw EventStoreError(
                    .brokenStream,
                    "stream \(event.stream) has version \(event.recording.version) after \(version)"
                )
            }
            state.apply(try State.Event(event.event), recording: event.recording)
            version = event.recording.version
        }
    }
}
