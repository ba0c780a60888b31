/// An error of the enricher: why it cannot run.
public struct AlertEnricherError: Error, Sendable, CustomStringConvertible {
    /// The kind of an error, for code that decides what to do.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case invalidSetting
            case cannotListen
            case unavailable
        }

        private let value: Value

        /// A setting cannot be used.
        public static let invalidSetting = Code(value: .invalidSetting)
        /// The address cannot be listened on.
        public static let cannotListen = Code(value: .cannotListen)
        /// Something that is needed could not be started.
        public static let unavailable = Code(value: .unavailable)

        /// The name of the code.
        public var description: String { value.rawValue }
    }

    /// The kind of the error.
    public let code: Code
    /// What went wrong and what to do, without secrets.
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
