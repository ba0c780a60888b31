internal import Foundation

/// A message as the stream holds it (JetStream API `STREAM.MSG.GET`).
public struct StoredMessage: Sendable {
    /// The message.
    public let message: NATSMessage
    /// Its sequence in the stream.
    public let sequence: UInt64
}

extension JetStreamContext {
    /// Returns a message by its sequence, whether or not a consumer has had it.
    ///
    /// - Throws: `JetStreamError` with `.messageNotFound` when the stream does not hold it (any more).
    public func getMessage(stream: String, sequence: UInt64) async throws -> StoredMessage {
        try Subjects.validate(name: stream, of: "stream")
        let action = "get message \(sequence) of stream '\(stream)'"
        let body = try JSON.encode(["seq": sequence])
        let response = try await call("STREAM.MSG.GET.\(stream)", body, to: action, returning: Response.self)
        return StoredMessage(
            message: NATSMessage(
                subject: response.message.subject,
                headers: response.message.hdrs.map { Self.headers($0) } ?? [:],
                payload: response.message.data.map { Array($0) } ?? []
            ),
            sequence: response.message.seq
        )
    }

    private struct Response: Decodable {
        let message: Stored

        struct Stored: Decodable {
            let subject: String
            let seq: UInt64
            let hdrs: Data?
            let data: Data?
        }
    }

    /// Parses a header block: a version line, then one `name: value` a line.
    private static func headers(_ block: Data) -> NATSHeaders {
        var headers = NATSHeaders()
        for line in block.split(separator: UInt8(ascii: "\n")).dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == UInt8(ascii: " ") }
            headers.append(
                String(decoding: line[..<colon], as: UTF8.self),
                String(decoding: value.last == UInt8(ascii: "\r") ? value.dropLast() : value, as: UTF8.self)
            )
        }
        return headers
    }
}
