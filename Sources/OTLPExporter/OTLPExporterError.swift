/// Why an exporter could not be made.
public struct OTLPExporterError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public struct Code: Hashable, Sendable {
        private enum Value {
            case invalidConfiguration, unavailable
        }

        private let value: Value

        /// A value of the configuration cannot be used.
        public static let invalidConfiguration = Code(value: .invalidConfiguration)
        /// libcurl or zlib could not be started.
        public static let unavailable = Code(value: .unavailable)
    }

    /// What kind of failure it is.
    public let code: Code
    /// What is wrong and what to do, without secrets.
    public let message: String

    /// What is wrong and what to do, without secrets.
    public var description: String { message }

    static func invalid(_ message: String) -> OTLPExporterError {
        OTLPExporterError(code: .invalidConfiguration, message: message)
    }

    static func unavailable(_ message: String) -> OTLPExporterError {
        OTLPExporterError(code: .unavailable, message: message)
    }
}
