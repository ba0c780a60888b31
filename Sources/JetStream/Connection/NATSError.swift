/// A failure of the NATS connection or of one message on it.
public struct NATSError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, to decide on.
    public let code: Code
    /// What went wrong, to read: the thing, its value unless it is secret, and what to do.
    public let message: String
    /// The error underneath, when there is one.
    public let cause: (any Error)?

    /// Creates an error.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The code and the message; never a payload, a header value or a password.
    public var description: String {
        cause.map { "\(code): \(message) (\($0))" } ?? "\(code): \(message)"
    }

    /// The kinds of failure.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case invalidConfiguration, authenticationFailed, insecureTLS, invalidArgument, payloadTooLarge
            case permissionDenied, noResponders, timeout, queueFull, notSent, closed, library
        }

        private let value: Value

        private init(_ value: Value) {
            self.value = value
        }

        /// A setting is missing or wrong; trying again cannot help.
        public static let invalidConfiguration = Code(.invalidConfiguration)
        /// The server refused the credentials.
        public static let authenticationFailed = Code(.authenticationFailed)
        /// TLS was asked for and the loaded libnats does not do it safely.
        public static let insecureTLS = Code(.insecureTLS)
        /// A subject, header or option that cannot be used.
        public static let invalidArgument = Code(.invalidArgument)
        /// The message is larger than the server's `max_payload`.
        public static let payloadTooLarge = Code(.payloadTooLarge)
        /// The server does not let this user publish or subscribe to the subject.
        public static let permissionDenied = Code(.permissionDenied)
        /// Nobody listens to the subject of a request; it was certainly not processed.
        public static let noResponders = Code(.noResponders)
        /// No reply came in time. Whether the request was processed is unknown.
        public static let timeout = Code(.timeout)
        /// The outgoing queue is full and the caller cannot wait.
        public static let queueFull = Code(.queueFull)
        /// The message was certainly not sent.
        public static let notSent = Code(.notSent)
        /// The connection is shut down.
        public static let closed = Code(.closed)
        /// Any other failure that libnats reports.
        public static let library = Code(.library)

        /// The code's name.
        public var description: String { value.rawValue }
    }
}
