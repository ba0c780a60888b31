internal import Synchronization

/// What has happened on a connection so far: counters, and a few values of now.
public struct NATSConnectionStatistics: Sendable, Hashable {
    /// Where the connection is in its life.
    public let status: NATSConnection.Status
    /// How often the connection was lost.
    public let disconnects: Int
    /// How often it came back.
    public let reconnects: Int
    /// How often the server refused a subject.
    public let permissionDenials: Int
    /// How often libnats reported any other error.
    public let errors: Int
    /// The messages that were accepted for sending.
    public let sentMessages: Int
    /// Their headers and payloads, in bytes.
    public let sentBytes: Int
    /// The messages that wait for the writer thread now.
    public let queuedMessages: Int
    /// Their size in bytes.
    public let queuedBytes: Int
    /// The requests that wait for a reply now.
    public let pendingRequests: Int
    /// The messages that arrived.
    public internal(set) var receivedMessages = 0
    /// Their payloads, in bytes.
    public internal(set) var receivedBytes = 0
    /// The messages that were dropped because their reader was too slow; those of a stream come again.
    public internal(set) var droppedMessages = 0
}

/// What the delivery threads count.
final class DeliveryCounters: Sendable {
    private let messages = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    private let dropped = Atomic<Int>(0)

    func addReceived(bytes count: Int) {
        messages.wrappingAdd(1, ordering: .relaxed)
        bytes.wrappingAdd(count, ordering: .relaxed)
    }

    func addDropped(_ count: Int) {
        dropped.wrappingAdd(count, ordering: .relaxed)
    }

    func fill(_ statistics: inout NATSConnectionStatistics) {
        statistics.receivedMessages = messages.load(ordering: .relaxed)
        statistics.receivedBytes = bytes.load(ordering: .relaxed)
        statistics.droppedMessages = dropped.load(ordering: .relaxed)
    }
}
