/// A five-character code by which PostgreSQL names a condition.
///
/// The table is "PostgreSQL Error Codes", appendix A of the PostgreSQL documentation. The first two characters are the
/// class.
public struct SQLState: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The five characters.
    public let rawValue: String

    /// Creates a code from its five characters, which are not checked.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The first two characters, which name the class of the condition.
    public var classCode: Substring { rawValue.prefix(2) }

    /// The five characters.
    public var description: String { rawValue }
}

extension SQLState {
    /// A value would appear twice where it must be unique (23505).
    public static let uniqueViolation = SQLState(rawValue: "23505")
    /// A row refers to a row that does not exist (23503).
    public static let foreignKeyViolation = SQLState(rawValue: "23503")
    /// A row does not satisfy a check constraint (23514).
    public static let checkViolation = SQLState(rawValue: "23514")
    /// A column that must have a value has none (23502).
    public static let notNullViolation = SQLState(rawValue: "23502")
    /// An exclusion constraint refuses the row (23P01).
    public static let exclusionViolation = SQLState(rawValue: "23P01")
    /// The transaction cannot be serialized with others and may be tried again (40001).
    public static let serializationFailure = SQLState(rawValue: "40001")
    /// The transaction was chosen to end a deadlock and may be tried again (40P01).
    public static let deadlockDetected = SQLState(rawValue: "40P01")
    /// A lock was not to be had within `lock_timeout`, or with NOWAIT (55P03).
    public static let lockNotAvailable = SQLState(rawValue: "55P03")
    /// The statement was cancelled, by `statement_timeout` among others (57014).
    public static let queryCanceled = SQLState(rawValue: "57014")
    /// An administrator ended the session, or the server shuts down (57P01).
    public static let adminShutdown = SQLState(rawValue: "57P01")
    /// Another session crashed and the server restarts (57P02).
    public static let crashShutdown = SQLState(rawValue: "57P02")
    /// The server starts up or recovers (57P03).
    public static let cannotConnectNow = SQLState(rawValue: "57P03")
    /// The server has no connection left (53300).
    public static let tooManyConnections = SQLState(rawValue: "53300")
    /// A write was sent to a read-only server, as during a failover (25006).
    public static let readOnlyTransaction = SQLState(rawValue: "25006")
    /// A statement follows a failed one in the same transaction (25P02).
    public static let inFailedTransaction = SQLState(rawValue: "25P02")
    /// The session was idle in a transaction for too long (25P03).
    public static let idleInTransactionTimeout = SQLState(rawValue: "25P03")
    /// A prepared statement is not known to the server (26000).
    public static let invalidStatementName = SQLState(rawValue: "26000")
    /// The server does not offer the feature (0A000); also a cached plan whose result type changed.
    public static let featureNotSupported = SQLState(rawValue: "0A000")
    /// A text does not have the syntax of the type it was given for (22P02).
    public static let invalidTextRepresentation = SQLState(rawValue: "22P02")
    /// The statement has a syntax error (42601).
    public static let syntaxError = SQLState(rawValue: "42601")
    /// A table does not exist (42P01).
    public static let undefinedTable = SQLState(rawValue: "42P01")
}

extension SQLState {
    /// Whether the same transaction, run again, may succeed without any other change.
    var isTransient: Bool {
        switch self {
        case .serializationFailure, .deadlockDetected, .lockNotAvailable, .adminShutdown, .crashShutdown,
            .cannotConnectNow, .tooManyConnections, .readOnlyTransaction, .invalidStatementName:
            true
        default:
            classCode == "08"
        }
    }
}
