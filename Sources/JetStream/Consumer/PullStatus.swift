/// A status message that the server sends to the inbox of pull requests (NATS ADR-13).
enum PullStatus: Equatable {
    /// The request is alive.
    case heartbeat
    /// The request is over as it should be: expired, complete, or out of messages.
    case ended
    /// The server gave up its requests: another one leads, or it shuts down.
    case interrupted
    /// The request cannot be served now.
    case refused
    /// No request of this kind will ever be served; the reason.
    case unavailable(String)

    /// Reads the `Status` and `Description` of a status line.
    init(code: Int, description: String) {
        let words = description.lowercased()
        switch code {
        case 100:
            self = .heartbeat
        case 404, 408:
            self = .ended
        case 409 where words.contains("batch completed") || words.contains("maxbytes"):
            self = words.contains("exceeded") ? .unavailable(description) : .ended
        case 409 where words.contains("leadership change") || words.contains("server shutdown"):
            self = .interrupted
        case 409 where words.contains("consumer deleted") || words.contains("push based"):
            self = .unavailable(description)
        case 409 where words.contains("exceeded maxrequest"):
            self = .unavailable(description)
        case 400:
            self = .unavailable(description)
        default:
            self = .refused
        }
    }
}
