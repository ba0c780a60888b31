/// An error of the trace backend: what could not be read, kept or served.
public struct TraceBackendError: Error, Sendable, CustomStringConvertible {
    /// The kind of an error, for code that decides what to do.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case malformed
            case notFound
            case empty
            case severalTraces
            case notListening
        }

        private let value: Value

        /// The bytes are not a trace in OTLP/JSON or in Jaeger's envelope.
        public static let malformed = Code(value: .malformed)
        /// The backend answered that it has no such trace.
        public static let notFound = Code(value: .notFound)
        /// The answer holds no span.
        public static let empty = Code(value: .empty)
        /// The answer holds spans of more than one trace.
        public static let severalTraces = Code(value: .severalTraces)
        /// The server ended, or never began, before it listened on a port.
        public static let notListening = Code(value: .notListening)

        /// The name of the code.
        public var description: String { value.rawValue }
    }

    /// The kind of the error.
    public let code: Code
    /// What went wrong and what to do, without span data.
    public let message: String
    /// The error below this one, when there is one.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The code and the message.
    public var description: String { "\(code): \(message)" }
}
