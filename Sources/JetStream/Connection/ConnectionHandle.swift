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
    private let counters: DeliveryCounters
    private let internals: LibraryInternals?
    /// What the reply subjects of all requests have in common; the number follows.
    private let inbox: [CChar]
    private var reply: [CChar] = []

    /// Connects, which blocks for at most the connect time-out per server.
    init(connecting options: OptionsHandle, core: ConnectionCore) throws(NATSError) {
        counters = core.counters
        internals = core.configuration.libraryInternals
        inbox = (core.inbox + ".").utf8.map { CChar(bitPattern: $0) }
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

    /// Hands a message to libnats; blocks for at most the write deadline. `flushWrites()` says that no more follows.
    func send(_ message: OutgoingMessage) -> natsStatus {
        reply.removeAll(keepingCapacity: true)
        if let request = message.request {
            setReply(request)
        } else if let text = message.reply {
            reply.append(contentsOf: text.utf8.lazy.map { CChar(bitPattern: $0) })
        }
        reply.append(0)
        return reply.withUnsafeBufferPointer { reply in
            message.bytes.withUnsafeBytes { bytes in
                message.headerLength == 0
                    ? send(message.subject, reply, payload: bytes)
                    : send(message.subject, reply, bytes, headerLength: message.headerLength)
            }
        }
    }

    /// Writes what has not been written yet.
    func flushWrites() -> natsStatus {
        // Without it libnats has written each message by itself.
        internals?.flush(connection) ?? NATS_OK
    }

    private func setReply(_ request: UInt64) {
        reply.append(contentsOf: inbox)
        var digits = request
        repeat {
            reply.append(CChar(UInt8(ascii: "0")) + CChar(digits % 10))
            digits /= 10
        } while digits > 0
        reply[inbox.count...].reverse()
    }

    private func send(
        _ subject: String,
        _ reply: UnsafeBufferPointer<CChar>,
        payload: UnsafeRawBufferPointer
    ) -> natsStatus {
        if reply.count == 1 {
            return natsConnection_Publish(connection, subject, payload.baseAddress, CInt(payload.count))
        }
        return natsConnection_PublishRequest(
            connection,
            subject,
            reply.baseAddress,
            payload.baseAddress,
            CInt(payload.count)
        )
    }

    private func send(
        _ subject: String,
        _ reply: UnsafeBufferPointer<CChar>,
        _ bytes: UnsafeRawBufferPointer,
        headerLength: Int
    ) -> natsStatus {
        if let internals {
            let reply = UnsafeBufferPointer(rebasing: reply.dropLast())
            let message = internals.create(subject: subject, reply: reply, bytes: bytes, headerLength: headerLength)
            defer { natsMsg_Destroy(message) }
            return message == nil ? NATS_NO_MEMORY : natsConnection_PublishMsg(connection, message)
        }
        var created: OpaquePointer?
        let payload = UnsafeRawBufferPointer(rebasing: bytes[headerLength...])
        let data = payload.baseAddress?.assumingMemoryBound(to: CChar.self)
        let address = reply.count == 1 ? nil : reply.baseAddress
        var status = natsMsg_Create(&created, subject, address, data, CInt(payload.count))
        defer { natsMsg_Destroy(created) }
        for field in NATSHeaders(block: UnsafeRawBufferPointer(rebasing: bytes[..<headerLength]))
        where status == NATS_OK {
            status = natsMsgHeader_Add(created, field.name, field.value)
        }
        return status == NATS_OK ? natsConnection_PublishMsg(connection, created) : status
    }

    func subscribe(_ registration: SubscriptionRegistration) throws(NATSError) -> SubscriptionHandle {
        try SubscriptionHandle(connection, registration, counters)
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
