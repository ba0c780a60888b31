internal import CNATS

/// What a connection knows about the server process at its other end.
struct ServerIdentity {
    /// Chosen anew by each server process.
    let id: String
    let maximumPayload: Int

    init(_ connection: OpaquePointer?) {
        id = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            buffer.initialize(repeating: 0)
            guard let address = buffer.baseAddress else { return "" }
            _ = natsConnection_GetConnectedServerId(connection, address, buffer.count)
            return String(cString: address)
        }
        maximumPayload = Int(natsConnection_GetMaxPayload(connection))
    }
}

/// One `natsConnection`; used by the writer thread only, and destroyed by it.
final class ConnectionHandle {
    private let connection: OpaquePointer

    /// Connects, which blocks for at most the connect time-out per server.
    init(connecting options: OptionsHandle) throws(NATSError) {
        var created: OpaquePointer?
        let status = options.withPointer { natsConnection_Connect(&created, $0) }
        guard status == NATS_OK, let created else { throw Self.connectError(status) }
        connection = created
    }

    deinit {
        natsConnection_Destroy(connection)
    }

    var isConnected: Bool { natsConnection_Status(connection) == NATS_CONN_STATUS_CONNECTED }
    var isClosed: Bool { natsConnection_IsClosed(connection) }
    var server: ServerIdentity { ServerIdentity(connection) }

    /// Writes a message; blocks for at most the write deadline.
    func send(_ message: OutgoingMessage) -> natsStatus {
        message.payload.withUnsafeBytes { payload in
            guard let headers = message.headers else {
                guard let reply = message.reply else {
                    return natsConnection_Publish(connection, message.subject, payload.baseAddress, CInt(payload.count))
                }
                return natsConnection_PublishRequest(
                    connection,
                    message.subject,
                    reply,
                    payload.baseAddress,
                    CInt(payload.count)
                )
            }
            return send(message, headers, payload)
        }
    }

    private func send(
        _ message: OutgoingMessage,
        _ headers: NATSHeaders,
        _ payload: UnsafeRawBufferPointer
    ) -> natsStatus {
        var created: OpaquePointer?
        let data = payload.baseAddress?.assumingMemoryBound(to: CChar.self)
        var status = natsMsg_Create(&created, message.subject, message.reply, data, CInt(payload.count))
        defer { natsMsg_Destroy(created) }
        for field in headers where status == NATS_OK {
            status = natsMsgHeader_Add(created, field.name, field.value)
        }
        return status == NATS_OK ? natsConnection_PublishMsg(connection, created) : status
    }

    func subscribe(_ registration: SubscriptionRegistration) throws(NATSError) -> SubscriptionHandle {
        try SubscriptionHandle(connection, registration)
    }

    /// Waits for a round trip to the server.
    func flush(timeout: Duration) -> natsStatus {
        natsConnection_FlushTimeout(connection, max(1, timeout.milliseconds))
    }

    /// Starts to drain; the closed callback follows.
    func drain(timeout: Duration) -> natsStatus {
        natsConnection_DrainTimeout(connection, max(1, timeout.milliseconds))
    }

    func close() {
        natsConnection_Close(connection)
    }

    /// Sorts failures to connect into those that end the attempt and those that time may heal.
    private static func connectError(_ status: natsStatus) -> NATSError {
        switch status {
        case NATS_CONNECTION_AUTH_FAILED, NATS_NOT_PERMITTED:
            NATSError(.authenticationFailed, "the NATS server refused the credentials")
        case NATS_SECURE_CONNECTION_REQUIRED:
            NATSError(.invalidConfiguration, "the NATS server requires TLS; use tls:// in the server URL")
        case NATS_SECURE_CONNECTION_WANTED:
            NATSError(.invalidConfiguration, "the NATS server does not offer TLS; use nats:// in the server URL")
        case NATS_SSL_ERROR:
            NATSError(.invalidConfiguration, "the TLS handshake with the NATS server failed; check the certificates")
        default:
            NATSError(.library, "connecting to NATS failed: \(text(of: status))")
        }
    }
}
