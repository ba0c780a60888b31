public import Logging

/// A swift-log back end that writes one line for each event, as JSON or as text, with the trace that it belongs to.
///
/// Metadata comes from the logger, its metadata provider and the statement, the later winning. An error of the statement
/// becomes `exception.type` and `exception.message`.
public struct StructuredLogHandler: LogHandler {
    /// How all loggers of a process write.
    public struct Configuration: Sendable {
        /// The format of the lines.
        public var format: LogFormat
        /// The least severe level that new loggers write.
        public var level: Logger.Level
        /// The `service_name` of JSON lines; none when empty.
        public var serviceName: String
        /// What must not be shown.
        public var redaction: LogRedaction
        /// Where the lines go.
        public var writer: LogWriter
        /// Finds the trace of the code that logs.
        public var spanContext: @Sendable () -> SpanContext?
        /// Tells the time in nanoseconds since the Unix epoch.
        public var clock: @Sendable () -> UInt64

        /// Creates a configuration.
        ///
        /// - Parameters:
        ///   - format: The format of the lines.
        ///   - level: The least severe level that new loggers write.
        ///   - serviceName: The `service_name` of JSON lines; none when empty.
        ///   - redaction: What must not be shown.
        ///   - writer: Where the lines go.
        ///   - spanContext: Finds the trace of the code that logs, also when it is not sampled.
        ///   - clock: Tells the time in nanoseconds since the Unix epoch.
        public init(
            format: LogFormat = .automatic,
            level: Logger.Level = .info,
            serviceName: String = "",
            redaction: LogRedaction = LogRedaction(),
            writer: LogWriter = .standardOutput,
            spanContext: @escaping @Sendable () -> SpanContext? = { ActiveContext.current.spanContext },
            clock: @escaping @Sendable () -> UInt64 = TracerProvider.wallClock
        ) {
            self.format = format
            self.level = level
            self.serviceName = serviceName
            self.redaction = redaction
            self.writer = writer
            self.spanContext = spanContext
            self.clock = clock
        }
    }

    /// The least severe level that is written.
    public var logLevel: Logger.Level
    /// The logger's own metadata.
    public var metadata: Logger.Metadata = [:]
    /// Provides metadata of the code that logs.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let configuration: Configuration
    /// `nil` for JSON.
    private let text: TextLogLine?

    /// Creates a handler.
    ///
    /// - Parameters:
    ///   - label: The logger's name.
    ///   - configuration: How all loggers of the process write.
    ///   - metadataProvider: Provides metadata of the code that logs.
    public init(
        label: String,
        configuration: Configuration,
        metadataProvider: Logger.MetadataProvider? = nil
    ) {
        self.label = label
        self.configuration = configuration
        self.metadataProvider = metadataProvider
        logLevel = configuration.level
        switch configuration.format.value {
        case .json: text = nil
        case .text(let isColored): text = TextLogLine(isColored: isColored)
        case .automatic: text = configuration.writer.isTerminal ? TextLogLine(isColored: false) : nil
        }
    }

    /// One value of the logger's own metadata.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line.
    public func log(event: LogEvent) {
        let context = configuration.spanContext()
        let record = LogRecord(
            time: configuration.clock(),
            level: event.level,
            message: configuration.redaction.masked(event.message.description),
            label: label,
            serviceName: configuration.serviceName,
            spanContext: context?.isValid == true ? context : nil,
            metadata: merged(event).sorted { $0.key < $1.key }.map { ($0.key, redacted($0.value, key: $0.key)) }
        )
        configuration.writer.write(text?.format(record) ?? JSONLogLine.format(record))
    }

    private func merged(_ event: LogEvent) -> Logger.Metadata {
        var result = metadata
        for source in [metadataProvider?.get(), event.metadata] {
            guard let source, !source.isEmpty else { continue }
            // Mostly there is one source only, which then needs no copy.
            if result.isEmpty { result = source } else { result.merge(source) { $1 } }
        }
        if let error = event.error {
            result[SemanticConventions.exceptionType] = "\(String(reflecting: type(of: error)))"
            result["exception.message"] = "\(error)"
        }
        return result
    }

    private func redacted(_ value: Logger.MetadataValue, key: String) -> Logger.MetadataValue {
        if configuration.redaction.isSecret(key) { return .string(LogRedaction.replacement) }
        return masked(value)
    }

    private func masked(_ value: Logger.MetadataValue) -> Logger.MetadataValue {
        switch value {
        case .string(let text):
            return .string(configuration.redaction.masked(text))
        case .stringConvertible(let convertible):
            let text = convertible.description
            let masked = configuration.redaction.masked(text)
            return masked == text ? value : .string(masked)
        case .array(let values):
            return .array(values.map(masked))
        case .dictionary(let values):
            return .dictionary(
                Dictionary(uniqueKeysWithValues: values.map { ($0.key, redacted($0.value, key: $0.key)) })
            )
        }
    }
}
