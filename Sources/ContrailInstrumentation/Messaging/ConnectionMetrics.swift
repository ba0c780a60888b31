internal import JetStream
internal import Observability

extension MetricsRegistry {
    private typealias Value = @Sendable (NATSConnectionStatistics) -> Int

    /// Registers what a connection to NATS has counted, read when somebody scrapes.
    ///
    /// - Parameter read: The state, and the counters once there is a connection; `nil` when its owner is gone.
    func natsConnection(
        _ read: @escaping @Sendable () -> (state: NATSConnection.Status, counters: NATSConnectionStatistics?)?
    ) {
        gauge("nats_connected", help: "Whether the connection to NATS is up: 1 or 0.") {
            read()?.state == .connected ? 1 : 0
        }
        gauge(
            "nats_connection_state",
            help: "Where the connection to NATS is in its life: 1 for the state that it is in, 0 for the others.",
            labels: ["state"]
        ) {
            guard let state = read()?.state else { return [] }
            let states: [NATSConnection.Status] = [.connecting, .connected, .reconnecting, .closed]
            return states.map { ObservedValue($0 == state ? 1 : 0, $0.rawValue) }
        }
        // A counter exists from the start, or the first loss of the connection would be no increase.
        let counters: [(name: String, help: String, value: Value)] = [
            ("nats_disconnects_total", "Losses of the connection to NATS.", \.disconnects),
            ("nats_reconnects_total", "Returns of the connection to NATS.", \.reconnects),
            ("nats_permission_denials_total", "Subjects that NATS refused.", \.permissionDenials),
            ("nats_errors_total", "Other errors that the connection to NATS reported.", \.errors),
            ("nats_sent_messages_total", "Messages that were accepted for sending to NATS.", \.sentMessages),
            ("nats_sent_bytes_total", "Bytes of headers and payloads that were accepted for sending.", \.sentBytes),
            ("nats_received_messages_total", "Messages that arrived from NATS.", \.receivedMessages),
            ("nats_received_bytes_total", "Bytes of payloads that arrived from NATS.", \.receivedBytes),
            (
                "nats_dropped_messages_total",
                "Messages that were dropped because their reader was too slow; those of a stream come again.",
                \.droppedMessages
            ),
        ]
        for (name, help, value) in counters {
            counter(name, help: help) { read().map { Double($0.counters.map(value) ?? 0) } }
        }
        let gauges: [(name: String, help: String, value: Value)] = [
            ("nats_queued_messages", "Messages that wait to be sent to NATS.", \.queuedMessages),
            ("nats_queued_bytes", "Bytes that wait to be sent to NATS.", \.queuedBytes),
            ("nats_pending_requests", "Requests that wait for a reply from NATS.", \.pendingRequests),
        ]
        for (name, help, value) in gauges {
            gauge(name, help: help) { read().map { Double($0.counters.map(value) ?? 0) } }
        }
    }
}
