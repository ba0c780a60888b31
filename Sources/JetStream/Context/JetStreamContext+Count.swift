internal import Foundation

extension JetStreamContext {
    /// Counts the messages of a stream that were stored at an instant or later, by one request
    /// (NATS ADR-31, direct get with `start_time`). The stream must allow direct gets.
    ///
    /// - Parameters:
    ///   - stream: The stream.
    ///   - instant: In nanoseconds since 1970-01-01 00:00 UTC.
    /// - Throws: `NATSError`; `JetStreamError` with `.invalidResponse` from a server older than 2.11.
    public func countMessages(stream: String, since instant: Int64) async throws -> UInt64 {
        struct Request: Encodable {
            let batch = 1
            let next = ">"
            let start: String

            enum CodingKeys: String, CodingKey {
                case batch
                case next = "next_by_subj"
                case start = "start_time"
            }
        }
        try Subjects.validate(name: stream, of: "stream")
        let body = try JSON.encode(Request(start: Timestamp.text(instant)))
        let request = NATSMessage(subject: "\(prefix)DIRECT.GET.\(stream)", payload: body)
        // The end of the batch, which follows the message, finds nobody who waits for it.
        let reply = try await connection.request(request, timeout: timeout)
        if reply.headers.first(named: "Status") == "404" { return 0 }
        guard let pending = reply.headers.first(named: "Nats-Num-Pending").flatMap(UInt64.init) else {
            throw JetStreamError(
                .invalidResponse,
                "stream '\(stream)' does not count its messages by time: "
                    + "it must allow direct gets, on nats-server 2.11 or later"
            )
        }
        return pending + 1
    }
}
