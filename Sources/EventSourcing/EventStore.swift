public import struct Foundation.UUID

/// Keeps events in streams, one for each aggregate.
///
/// Implementations append atomically, refuse a version that exists, and keep what they acknowledged. An in-memory and a
/// PostgreSQL implementation pass the same tests.
public protocol EventStore: Sendable {
    /// Reads a stream in version order.
    ///
    /// - Parameters:
    ///   - stream: The aggregate's id.
    ///   - version: Reads what follows this version; 0 reads all.
    /// - Throws: ``EventStoreError``, or what the storage throws.
    func read(_ stream: String, after version: Int) async throws -> [RecordedEvent]

    /// Appends events to a stream, all or none.
    ///
    /// - Parameters:
    ///   - events: The events, not empty.
    ///   - stream: The aggregate's id.
    ///   - expectedVersion: The version that the decision was based on; 0 for a new stream.
    ///   - commandID: The command's key, unique over all streams: a second append with it is refused.
    /// - Returns: The events as recorded.
    /// - Throws: ``EventStoreError`` with code ``EventStoreError/Code/versionConflict`` when somebody else appended
    ///   first, ``EventStoreError/Code/duplicateCommand`` when the command was executed before; or what the storage
    ///   throws, and then the outcome may be unknown.
    func append(
        _ events: [NewEvent],
        to stream: String,
        expectedVersion: Int,
        commandID: String?
    ) async throws -> [RecordedEvent]

    /// Finds the stream on which a command was executed.
    ///
    /// - Returns: The aggregate's id, or `nil` when the command was never executed.
    /// - Throws: What the storage throws.
    func stream(ofCommand commandID: String) async throws -> String?
}

/// An event that is about to be recorded.
public struct NewEvent: Sendable, Hashable {
    /// The event's identity, for ever: the broker and the consumers recognise repetitions by it.
    public var id: UUID
    /// The event.
    public var event: EncodedEvent
    /// What travels with it beside the payload: trace context and baggage.
    public var headers: [String: String]

    /// Creates an event with a new identity.
    public init(id: UUID = UUID(), event: EncodedEvent, headers: [String: String] = [:]) {
        self.id = id
        self.event = event
        self.headers = headers
    }
}

/// An event as it was recorded.
public struct RecordedEvent: Sendable, Hashable {
    /// The event's identity.
    public var id: UUID
    /// The aggregate's id.
    public var stream: String
    /// Its version and time.
    public var recording: EventRecording
    /// The event.
    public var event: EncodedEvent
    /// What travels with it beside the payload.
    public var headers: [String: String]

    /// Creates a recorded event; stores do.
    public init(
        id: UUID,
        stream: String,
        recording: EventRecording,
        event: EncodedEvent,
        headers: [String: String]
    ) {
        self.id = id
        self.stream = stream
        self.recording = recording
        self.event = event
        self.headers = headers
    }
}

/// Why the event store refused.
public struct EventStoreError: Error, Sendable, CustomStringConvertible {
    /// What kind of refusal it is.
    public struct Code: Sendable, Hashable {
        private enum Value { case versionConflict, duplicateCommand, undecodableEvent, brokenStream, tooManyConflicts }
        private let value: Value

        /// Somebody else appended to the stream since it was read.
        public static let versionConflict = Code(value: .versionConflict)
        /// The command was executed before.
        public static let duplicateCommand = Code(value: .duplicateCommand)
        /// An event has an unknown type or malformed bytes.
        public static let undecodableEvent = Code(value: .undecodableEvent)
        /// A stream lacks a version.
        public static let brokenStream = Code(value: .brokenStream)
        /// A command met other writers more often than it may retry.
        public static let tooManyConflicts = Code(value: .tooManyConflicts)
    }

    /// What kind of refusal it is.
    public let code: Code
    /// What was refused.
    public let message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// What was refused.
    public var description: String { message }
}
