/// An error of this module, or one that the PostgreSQL server reported.
///
/// `description` is safe to log: it never holds bound values. What the server said about values is part of
/// `debugDescription` only.
public struct PostgresError: Error, Sendable {
    /// What kind of error it is.
    public let code: Code
    /// What happened and what to do about it, without values.
    public let message: String
    /// The code that the server gave, if the server reported the error.
    public let sqlState: SQLState?
    /// The violated constraint's name, if the server named one.
    public let constraint: String?
    /// The error that led to this one.
    public let cause: (any Error)?
    /// What the server said in full; it may quote values.
    let serverText: String?

    init(
        _ code: Code,
        _ message: String,
        sqlState: SQLState? = nil,
        constraint: String? = nil,
        cause: (any Error)? = nil,
        serverText: String? = nil
    ) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.constraint = constraint
        self.cause = cause
        self.serverText = serverText
    }

    /// Whether the condition is transient, so that the same work may succeed when it is tried again.
    ///
    /// It says nothing about whether the work may be repeated. After `.connectionLost` a statement outside a
    /// transaction may have taken effect: repeat it only if it is idempotent. A transaction that ended so before its
    /// COMMIT was sent has not taken effect. `.timeout` and `.commitOutcomeUnknown` are never retriable, because the
    /// first would add load to a slow server and the second needs a look at what was committed.
    public var isRetriable: Bool {
        switch code {
        case .connectionUnavailable, .connectionLost, .poolExhausted: true
        case .server: sqlState?.isTransient ?? false
        default: false
        }
    }
}

extension PostgresError {
    /// A kind of error.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String, Sendable {
            case connectionUnavailable, connectionLost, poolExhausted, server, decoding, encoding, timeout
            case commitOutcomeUnknown, transactionRolledBack, closed, cancelled, invalidUsage, invalidConfiguration
            case migration
        }

        private let value: Value

        private init(_ value: Value) {
            self.value = value
        }

        /// No connection to the server could be opened; nothing was sent.
        public static let connectionUnavailable = Code(.connectionUnavailable)
        /// The connection ended while a statement was under way; whether it took effect is unknown.
        public static let connectionLost = Code(.connectionLost)
        /// All connections were in use for as long as the caller could wait.
        public static let poolExhausted = Code(.poolExhausted)
        /// The server reported an error; see ``PostgresError/sqlState``.
        public static let server = Code(.server)
        /// A column does not hold what the caller asked for.
        public static let decoding = Code(.decoding)
        /// A value cannot be sent.
        public static let encoding = Code(.encoding)
        /// A statement did not end in time.
        public static let timeout = Code(.timeout)
        /// The connection ended during COMMIT: the transaction may or may not be committed.
        public static let commitOutcomeUnknown = Code(.commitOutcomeUnknown)
        /// The server rolled the transaction back when it was asked to commit, because a statement had failed.
        public static let transactionRolledBack = Code(.transactionRolledBack)
        /// The pool is shut down.
        public static let closed = Code(.closed)
        /// The calling task was cancelled. Observers see this code; callers get a `CancellationError`.
        public static let cancelled = Code(.cancelled)
        /// The caller broke a rule of this module's interface.
        public static let invalidUsage = Code(.invalidUsage)
        /// A setting is missing or wrong.
        public static let invalidConfiguration = Code(.invalidConfiguration)
        /// The migrations and the database do not fit together.
        public static let migration = Code(.migration)

        /// The kind's name.
        public var description: String { value.rawValue }
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    /// The code, the message and the constraint, without values.
    public var description: String {
        var text = "\(code)"
        if let sqlState { text += " \(sqlState)" }
        text += ": \(message)"
        if let constraint { text += " (constraint \(constraint))" }
        if let cause { text += "; caused by \(cause)" }
        return text
    }

    /// The description with all that the server said, which may quote values: never log it in production.
    public var debugDescription: String {
        guard let serverText else { return description }
        return "\(description) [\(serverText)]"
    }
}

extension PostgresError {
    /// The error that an observer is told of: its own, or a stand-in for another module's.
    init(observing error: any Error) {
        switch error {
        case let error as PostgresError: self = error
        case is CancellationError: self.init(.cancelled, "the calling task was cancelled")
        default: self.init(.invalidUsage, "the operation ended with \(type(of: error))", cause: error)
        }
    }
}
