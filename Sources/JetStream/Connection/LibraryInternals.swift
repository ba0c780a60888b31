internal import CNATS

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// Functions that libnats 3.4.1 exports without declaring them, found at run time.
///
/// The public API makes a message's headers one allocation at a time, and either writes each message to the socket by
/// itself or waits a millisecond for company: together about half the rate of publishing. These let a header block that
/// was encoded once go out as it is, and let many messages share one write. They are used with exactly the version that
/// they were checked with, after a test of their own; with any other libnats the public API does the same, slower.
struct LibraryInternals: Sendable {
    // natsMsg_create(message, subject, length, reply, length, header block and payload, length, length of the block)
    private typealias CreateMessage =
        @convention(c) (
            UnsafeMutablePointer<OpaquePointer?>?, UnsafePointer<CChar>?, CInt, UnsafePointer<CChar>?, CInt,
            UnsafePointer<CChar>?, CInt, CInt
        ) -> natsStatus
    private typealias FlushBuffer = @convention(c) (OpaquePointer?) -> natsStatus
    private typealias LockConnection = @convention(c) (OpaquePointer?) -> Void

    private let createMessage: CreateMessage
    private let flushBuffer: FlushBuffer
    private let lock: LockConnection
    private let unlock: LockConnection

    /// The functions of the loaded libnats, or `nil` when it is not the one that they are known of.
    static let shared = LibraryInternals()

    private init?() {
        guard
            NATSLibrary.versionNumber == 0x03_04_01,
            // Messages need the library's state, which otherwise the first connection makes.
            nats_Open(-1) == NATS_OK,
            let create = Self.symbol("natsMsg_create", as: CreateMessage.self),
            let flush = Self.symbol("natsConn_bufferFlush", as: FlushBuffer.self),
            let lock = Self.symbol("natsConn_lockAndRetain", as: LockConnection.self),
            let unlock = Self.symbol("natsConn_unlockAndRelease", as: LockConnection.self)
        else { return nil }
        createMessage = create
        flushBuffer = flush
        self.lock = lock
        self.unlock = unlock
        guard passesTest else { return nil }
    }

    private static func symbol<Function>(_ name: String, as type: Function.Type) -> Function? {
        // RTLD_DEFAULT, which Swift does not import.
        dlsym(nil, name).map { unsafeBitCast($0, to: type) }
    }

    /// Creates a message from a header block and a payload that follow one another.
    func create(
        subject: String,
        reply: UnsafeBufferPointer<CChar>,
        bytes: UnsafeRawBufferPointer,
        headerLength: Int
    ) -> OpaquePointer? {
        var message: OpaquePointer?
        let status = createMessage(
            &message,
            subject,
            CInt(subject.utf8.count),
            reply.baseAddress,
            CInt(reply.count),
            bytes.baseAddress?.assumingMemoryBound(to: CChar.self),
            CInt(bytes.count),
            CInt(headerLength)
        )
        return status == NATS_OK ? message : nil
    }

    /// Writes what libnats has buffered to the socket; blocks for at most the write deadline.
    func flush(_ connection: OpaquePointer) -> natsStatus {
        lock(connection)
        defer { unlock(connection) }
        return flushBuffer(connection)
    }

    /// Whether a message made here has the subject, the headers and the payload that it was given.
    private var passesTest: Bool {
        let block = "NATS/1.0\r\na: 1\r\n\r\n"
        let text = Array((block + "payload").utf8)
        let message = text.withUnsafeBytes {
            create(
                subject: "s",
                reply: UnsafeBufferPointer(start: nil, count: 0),
                bytes: $0,
                headerLength: block.utf8.count
            )
        }
        guard let message else { return false }
        defer { natsMsg_Destroy(message) }
        var value: UnsafePointer<CChar>?
        guard natsMsgHeader_Get(message, "a", &value) == NATS_OK, let value, String(cString: value) == "1",
            let subject = natsMsg_GetSubject(message), String(cString: subject) == "s",
            natsMsg_GetDataLength(message) == 7, let data = natsMsg_GetData(message)
        else { return false }
        return memcmp(data, "payload", 7) == 0
    }
}
