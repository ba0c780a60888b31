/// A failure that JetStream reports, or a difference that this client refuses to overwrite.
public struct JetStreamError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, to decide on.
    public let kind: Kind
    /// The `code` of the API error, like an HTTP status; 0 when the error is not the API's.
    public let code: Int
    /// The `err_code` of the API error, which tells the cases apart; 0 when there is none.
    public let errorCode: Int
    /// What went wrong, to read.
    public let message: String
    /// The error underneath, when there is one.
    public let cause: (any Error)?

    init(_ kind: Kind, code: Int = 0, errorCode: Int = 0, _ message: String, cause: (any Error)? = nil) {
        self.kind = kind
        self.code = code
        self.errorCode = errorCode
        self.message = message
        self.cause = cause
    }

    /// The kind, the codes and the message; never a payload.
    public var description: String {
        let codes = errorCode == 0 && code == 0 ? "" : " (code \(code), err_code \(errorCode))"
        return "\(kind)\(codes): \(message)" + (cause.map { " (\($0))" } ?? "")
    }

    /// The kinds of failure.
    public struct Kind: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case api, streamNotFound, consumerNotFound, messageNotFound
            case configurationConflict, consumerUnavailable, invalidResponse
        }

        private let value: Value

        private init(_ value: Value) {
            self.value = value
        }

        /// The API refused the request; `errorCode` says why.
        public static let api = Kind(.api)
        /// There is no such stream (err_code 10059).
        public static let streamNotFound = Kind(.streamNotFound)
        /// There is no such consumer (err_code 10014).
        public static let consumerNotFound = Kind(.consumerNotFound)
        /// There is no such message (err_code 10037).
        public static let messageNotFound = Kind(.messageNotFound)
        /// The stream or consumer exists with another configuration that must not be changed silently.
        public static let configurationConflict = Kind(.configurationConflict)
        /// The consumer was deleted, or refuses these pull requests for good.
        public static let consumerUnavailable = Kind(.consumerUnavailable)
        /// The server's answer is not what the API promises.
        public static let invalidResponse = Kind(.invalidResponse)

        /// The kind's name.
        public var description: String { value.rawValue }

        static func of(errorCode: Int) -> Kind {
            switch errorCode {
            case 10059: .streamNotFound
            case 10014: .consumerNotFound
            case 10037: .messageNotFound
            default: .api
            }
        }
    }
}

/// The `error` object of an API response.
struct APIErrorBody: Decodable {
    let code: Int
    let errorCode: Int?
    let description: String?

    enum CodingKeys: String, CodingKey {
        case code
        case errorCode = "err_code"
        case description
    }

    func error(_ action: String) -> JetStreamError {
        JetStreamError(
            .of(errorCode: errorCode ?? 0),
            code: code,
            errorCode: errorCode ?? 0,
            "JetStream refused to \(action): \(description ?? "no reason given")"
        )
    }
}

/// What every API response may hold instead of a result.
struct APIErrorEnvelope: Decodable {
    let error: APIErrorBody?
}
