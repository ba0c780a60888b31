internal import CNATS
internal import Synchronization

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// A message that libnats has just delivered; it is freed when this value goes out of scope.
///
/// It exists only on libnats' delivery thread: header look-ups parse lazily and change the C object.
struct IncomingMessage: ~Copyable {
    private let message: OpaquePointer

    init(owned message: OpaquePointer) {
        self.message = message
    }

    deinit {
        natsMsg_Destroy(message)
    }

    var subject: String { natsMsg_GetSubject(message).map { String(cString: $0) } ?? "" }
    var reply: String? { natsMsg_GetReply(message).map { String(cString: $0) } }
    var hasNoResponders: Bool { natsMsg_IsNoResponders(message) }

    /// The decimal number in the last token of the subject, without making a string of the subject.
    var subjectToken: UInt64? {
        guard var cursor = natsMsg_GetSubject(message) else { return nil }
        var value: UInt64?
        while cursor.pointee != 0 {
            let byte = UInt8(bitPattern: cursor.pointee)
            if byte == UInt8(ascii: ".") {
                value = 0
            } else if let sum = value, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
                value = sum &* 10 &+ UInt64(byte - UInt8(ascii: "0"))
            } else {
                value = nil
            }
            cursor += 1
        }
        return value
    }

    /// Whether the subject starts with `prefix`: then it came to an inbox itself, not through a stream.
    func subjectHasPrefix(_ prefix: String) -> Bool {
        guard let subject = natsMsg_GetSubject(message) else { return false }
        return prefix.withCString { strncmp(subject, $0, prefix.utf8.count) == 0 }
    }

    var payloadCount: Int { Int(natsMsg_GetDataLength(message)) }

    /// Lends the payload's bytes.
    func withPayload<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        guard let data = natsMsg_GetData(message) else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return body(UnsafeRawBufferPointer(start: data, count: Int(natsMsg_GetDataLength(message))))
    }

    /// Keeps the message beyond the call that brought it.
    consuming func keep() -> ReceivedMessage {
        let message = self.message
        discard self
        return ReceivedMessage(owned: message)
    }

    var payload: [UInt8] {
        guard let data = natsMsg_GetData(message) else { return [] }
        let count = Int(natsMsg_GetDataLength(message))
        return Array(UnsafeRawBufferPointer(start: data, count: count))
    }

    var headers: NATSHeaders { NATSHeaders(of: message) }

    func copy() -> NATSMessage {
        NATSMessage(subject: subject, reply: reply, headers: headers, payload: payload)
    }
}

extension NATSHeaders {
    /// Copies the headers of a message; libnats parses them now, which changes the C object.
    fileprivate init(of message: OpaquePointer) {
        var names: UnsafeMutablePointer<UnsafePointer<CChar>?>?
        var count: CInt = 0
        guard natsMsgHeader_Keys(message, &names, &count) == NATS_OK, let names else { return }
        defer { free(names) }
        for case let name? in UnsafeBufferPointer(start: names, count: Int(count)) {
            var values: UnsafeMutablePointer<UnsafePointer<CChar>?>?
            var valueCount: CInt = 0
            guard natsMsgHeader_Values(message, name, &values, &valueCount) == NATS_OK, let values else { continue }
            defer { free(values) }
            let key = String(cString: name)
            for case let value? in UnsafeBufferPointer(start: values, count: Int(valueCount)) {
                append(key, String(cString: value))
            }
        }
    }
}

/// A message that outlives the call that brought it; its parts become Swift values when they are asked for.
///
/// So the delivery thread does not decode what a handler's thread can decode, or what nobody asks for.
// Unchecked: the C object is only read, but for the headers, which libnats parses in place: under the lock.
final class ReceivedMessage: @unchecked Sendable {
    private let message: OpaquePointer
    private let parsedHeaders = Mutex<NATSHeaders?>(nil)

    init(owned message: OpaquePointer) {
        self.message = message
    }

    deinit {
        natsMsg_Destroy(message)
    }

    var subject: String { natsMsg_GetSubject(message).map { String(cString: $0) } ?? "" }
    var reply: String { natsMsg_GetReply(message).map { String(cString: $0) } ?? "" }

    /// What JetStream says about the delivery; `nil` when the message came from elsewhere.
    var metadata: MessageMetadata? {
        guard let reply = natsMsg_GetReply(message) else { return nil }
        let bytes = UnsafeRawBufferPointer(start: reply, count: strlen(reply))
        return MessageMetadata(bytes: bytes.bindMemory(to: UInt8.self))
    }

    var headers: NATSHeaders {
        parsedHeaders.withLock { headers in
            if let headers { return headers }
            let parsed = NATSHeaders(of: message)
            headers = parsed
            return parsed
        }
    }

    var payload: [UInt8] {
        guard let data = natsMsg_GetData(message) else { return [] }
        return Array(UnsafeRawBufferPointer(start: data, count: Int(natsMsg_GetDataLength(message))))
    }
}
