/// How a consumer asks for messages.
public struct PullOptions: Sendable, Hashable {
    /// How many messages may wait in this process or be asked for; each is a message whose `ack_wait` may run.
    public var maximumBuffered: Int
    /// How many bytes one pull request may bring; `nil` for no limit. It must exceed the largest message.
    public var maximumBytes: Int?
    /// How long a pull request waits at the server.
    public var expires: Duration
    /// How often the server says that a waiting request is alive; two that fail to come mean that it is not.
    public var idleHeartbeat: Duration
    /// How long nothing may be delivered before the consumer is looked at: when messages are pending and still none
    /// comes, the subscription is recreated. `nil` never looks.
    public var stallTimeout: Duration?

    /// Creates options.
    public init(
        maximumBuffered: Int = 128,
        maximumBytes: Int? = nil,
        expires: Duration = .seconds(30),
        idleHeartbeat: Duration = .seconds(2),
        stallTimeout: Duration? = .seconds(30)
    ) {
        self.maximumBuffered = maximumBuffered
        self.maximumBytes = maximumBytes
        self.expires = expires
        self.idleHeartbeat = idleHeartbeat
        self.stallTimeout = stallTimeout
    }

    func validate() throws(NATSError) {
        guard maximumBuffered > 0, maximumBytes ?? 1 > 0 else {
            throw NATSError(.invalidArgument, "a consumer must buffer at least one message and one byte")
        }
        guard stallTimeout ?? .seconds(1) >= .milliseconds(100) else {
            throw NATSError(.invalidArgument, "the stall time-out must be at least 0.1 s")
        }
        guard idleHeartbeat >= .milliseconds(100), idleHeartbeat * 2 <= expires else {
            throw NATSError(
                .invalidArgument,
                "the idle heartbeat (\(idleHeartbeat)) must be at least 0.1 s and at most half of expires (\(expires))"
            )
        }
    }
}
