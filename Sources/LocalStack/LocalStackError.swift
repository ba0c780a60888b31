/// A failure to find, start or look after a process of the local stack.
public struct LocalStackError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case notInstalled, cannotStart, exitedEarly, notReady, alreadyRunning, portInUse, unusableData, toolFailed
        }

        private let kind: Kind

        /// A program is missing, or its version is too old.
        public static let notInstalled = Code(kind: .notInstalled)
        /// The operating system refused to start a program.
        public static let cannotStart = Code(kind: .cannotStart)
        /// A process ended before it was ready.
        public static let exitedEarly = Code(kind: .exitedEarly)
        /// A process runs, but was not ready in time.
        public static let notReady = Code(kind: .notReady)
        /// Another run uses the same data folder.
        public static let alreadyRunning = Code(kind: .alreadyRunning)
        /// Another process listens on the port.
        public static let portInUse = Code(kind: .portInUse)
        /// The data folder cannot be used as it is.
        public static let unusableData = Code(kind: .unusableData)
        /// A helper program, such as `initdb`, reported a failure.
        public static let toolFailed = Code(kind: .toolFailed)

        /// The code's name.
        public var description: String { kind.rawValue }
    }

    /// The kind of failure.
    public let code: Code
    /// What failed, with its value, and what to do about it.
    public let message: String
    /// The error below this one.
    public let cause: (any Error)?

    /// Creates an error.
    public init(code: Code, message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The code, the message and the cause.
    public var description: String {
        let reason = cause.map { " (cause: \($0))" } ?? ""
        return "\(code): \(message)\(reason)"
    }
}
