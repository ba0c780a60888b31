internal import Foundation

/// A message as the stream holds it.
public struct StoredMessage: Sendable, Hashable {
    /// The message.
    public let message: NATSMessage
    /// Its sequence in the stream.
    public let sequence: UInt64
    /// When the stream stored it, in nanoseconds since 1970-01-01 00:00 UTC.
    public let timestamp: Int64
}

extension JetStreamContext {
    /// Returns a message by its sequence, whether or not a consumer has had it (JetStream API `STREAM.MSG.GET`).
    ///
    /// - Throws: `JetStreamError` with `.messageNotFound` when the stream does not hold it (any more).
    public func getMessage(stream: String, sequence: UInt64) async throws -> StoredMessage {
        try await getMessage(stream, .sequence(sequence), "message \(sequence)")
    }

    /// Returns the newest message of a subject, which may have wildcards.
    ///
    /// - Throws: `JetStreamError` with `.messageNotFound` when there is none.
    public func lastMessage(stream: String, subject: String) async throws -> StoredMessage {
        try Subjects.validate(subject, allowsWildcards: true)
        return try await getMessage(stream, .last(subject), "the last message of '\(subject)'")
    }

    /// Returns the first message of a subject from a sequence on, or `nil` when there is none.
    ///
    /// - Parameters:
    ///   - subject: The subject, which may have wildcards; `>` for all.
    ///   - sequence: The smallest sequence to return.
    public func nextMessage(
        stream: String,
        subject: String = ">",
        from sequence: UInt64 = 1
    ) async throws -> StoredMessage? {
        try Subjects.validate(subject, allowsWildcards: true)
        do {
            return try await getMessage(stream, .next(subject, from: max(1, sequence)), "a message of '\(subject)'")
        } catch let error as JetStreamError where error.kind == .messageNotFound {
            return nil
        }
    }

    /// Deletes one message (JetStream API `STREAM.MSG.DELETE`).
    ///
    /// - Parameter erases: Whether its bytes are overwritten, for what must not be readable on disk either.
    /// - Throws: `JetStreamError` with `.messageNotFound` when the stream does not hold it.
    public func deleteMessage(stream: String, sequence: UInt64, erases: Bool = false) async throws {
        struct Request: Encodable {
            let seq: UInt64
            let noErase: Bool

            enum CodingKeys: String, CodingKey {
                case seq
                case noErase = "no_erase"
            }
        }
        try Subjects.validate(name: stream, of: "stream")
        let body = try JSON.encode(Request(seq: sequence, noErase: !erases))
        _ = try await call("STREAM.MSG.DELETE.\(stream)", body, to: "delete message \(sequence) of stream '\(stream)'")
    }

    private enum Selection: Encodable {
        case sequence(UInt64)
        case last(String)
        case next(String, from: UInt64)

        enum CodingKeys: String, CodingKey {
            case seq
            case last = "last_by_subj"
            case next = "next_by_subj"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            switch self {
            case .sequence(let sequence):
                try container.encode(sequence, forKey: .seq)
            case .last(let subject):
                try container.encode(subject, forKey: .last)
            case .next(let subject, let sequence):
                try container.encode(sequence, forKey: .seq)
                try container.encode(subject, forKey: .next)
            }
        }
    }

    private func getMessage(_ stream: String, _ selection: Selection, _ what: String) async throws -> StoredMessage {
        struct Response: Decodable {
            let message: Stored

            struct Stored: Decodable {
                let subject: String
                let seq: UInt64
                let hdrs: Data?
                let data: Data?
                let time: String
            }
        }
        try Subjects.validate(name: stream, of: "stream")
        let action = "get \(what) of stream '\(stream)'"
        let body = try JSON.encode(selection)
        let stored = try await call("STREAM.MSG.GET.\(stream)", body, to: action, returning: Response.self).message
        return StoredMessage(
            message: NATSMessage(
                subject: stored.subject,
                headers: stored.hdrs.map { block in Array(block).withUnsafeBytes { NATSHeaders(block: $0) } } ?? [:],
                payload: stored.data.map { Array($0) } ?? []
            ),
            sequence: stored.seq,
            timestamp: Timestamp.nanoseconds(stored.time) ?? 0
        )
    }
}
