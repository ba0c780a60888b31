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
            case invalidDeclaration, configurationConflict, consumerUnavailable, invalidResponse
            case batchRefused, batchDuplicate, messageRefused
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
        /// A stream or consumer is declared as it must not be; the message says why and what to do.
        public static let invalidDeclaration = Kind(.invalidDeclaration)
        /// None of a batch was stored.
        public static let batchRefused = Kind(.batchRefused)
        /// None of a batch was stored, because one of its messages is in the stream already (err_code 10201).
        public static let batchDuplicate = Kind(.batchDuplicate)
        /// The stream does not take the message: a limit, an expectation or its subject; it was not stored.
        public static let messageRefused = Kind(.messageRefused)
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
            case 10174...10177, 10179, 10199, 10200, 10210: .batchRefused
            case 10201: .batchDuplicate
            case 10054, 10060, 10070, 10071, 10077, 10164: .messageRefused
            case 10084, 10099, 10100, 10101, 10052, 10116, 10136, 10138, 10093: .invalidDeclaration
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

    /// What to do about the codes whose text does not say it.
    private static func hint(_ errorCode: Int?) -> String {
        switch errorCode {
        case 10099, 10100:
            ". A work queue delivers each subject to one consumer: give this one other filter subjects, or remove the other"
        case 10084: ". A work queue removes what is acknowledged: declare explicit acknowledgement"
        case 10101: ". A work queue delivers from its beginning: declare deliver policy 'all'"
        case 10174: ". Declare the stream with allowAtomic"
        case 10201: ". None of the batch was stored: publish its messages one by one"
        case 10176: ". None of the batch was stored: part of it got lost on the way; publish it again"
        case 10077: ". The stream is full and refuses what is new; see what is not being consumed"
        default: ""
        }
    }

    func error(_ action: String) -> JetStreamError {
        JetStreamError(
            .of(errorCode: errorCode ?? 0),
            code: code,
            errorCode: errorCode ?? 0,
            "JetStream refused to \(action): \(description ?? "no reason given")\(Self.hint(errorCode))"
        )
    }
}

/// What every API response may hold instead of a result.
struct APIErrorEnvelope: Decodable {
    let error: APIErrorBody?
}
