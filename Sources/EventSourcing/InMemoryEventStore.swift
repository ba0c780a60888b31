private import Synchronization

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// An event store in memory: the twin of the PostgreSQL one, for tests.
public final class InMemoryEventStore: EventStore {
    private struct State {
        var streams: [String: [RecordedEvent]] = [:]
        var commands: [String: String] = [:]
    }

    private let state = Mutex(State())

    /// Creates an empty store.
    public init() {}

    /// Reads a stream in version order.
    public func read(_ stream: String, after version: Int) async throws -> [RecordedEvent] {
        state.withLock { Array(($0.streams[stream] ?? []).dropFirst(version)) }
    }

    /// Appends events to a stream, all or none.
    public func append(
        _ events: [NewEvent],
        to stream: String,
        expectedVersion: Int,
        commandID: String?
    ) async throws -> [RecordedEvent] {
        let now = Self.now()
        return try state.withLock { state in
            if let commandID, let original = state.commands[commandID] {
                throw EventStoreError(.duplicateCommand, "command \(commandID) was executed before on \(original)")
            }
            let version = state.streams[stream]?.count ?? 0
            guard version == expectedVersion else {
                throw EventStoreError(
                    .versionConflict,
                    "\(stream) is at version \(version), the command expected \(expectedVersion)"
                )
            }
            let recorded = events.enumerated().map { offset, event in
                RecordedEvent(
                    id: event.id,
                    stream: stream,
                    recording: EventRecording(version: version + 1 + offset, recordedAt: now),
                    event: event.event,
                    headers: event.headers
                )
            }
            state.streams[stream, default: []].append(contentsOf: recorded)
            if let commandID { state.commands[commandID] = stream }
            return recorded
        }
    }

    /// Finds the stream on which a command was executed.
    public func stream(ofCommand commandID: String) async throws -> String? {
        state.withLock { $0.commands[commandID] }
    }

    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
