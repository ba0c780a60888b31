public import Logging

/// A swift-log back end that writes one line for each event, as JSON or as text, with the trace that it belongs to.
///
/// Metadata comes from the logger, its metadata provider and the statement, the later winning. An error of the statement
/// becomes `exception.type` and `exception.message`, and makes the line an event called `exception` unless `event.name` says
/// more. Members of the baggage become `baggage.<name>` when they are allowed to.
/// The same record goes to the OTLP export when there is one, so what is redacted here is redacted there.
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
        /// Where the lines go; nowhere when `nil`.
        public var writer: LogWriter?
        /// Exports records beside the lines.
        public var processor: (any LogRecordProcessor)?
        /// Which members of the baggage become metadata.
        public var baggageAllowList: BaggageAllowList
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
        ///   - writer: Where the lines go; nowhere when `nil`.
        ///   - processor: Exports records beside the lines.
        ///   - baggageAllowList: Which members of the baggage become metadata.
        ///   - spanContext: Finds the trace of the code that logs, also when it is not sampled.
        ///   - clock: Tells the time in nanoseconds since the Unix epoch.
        public init(
            format: LogFormat = .automatic,
            level: Logger.Level = .info,
            serviceName: String = "",
            redaction: LogRedaction = LogRedaction(),
            writer: LogWriter? = .standardOutput,
            processor: (any LogRecordProcessor)? = nil,
            baggageAllowList: BaggageAllowList = BaggageAllowList(),
            spanContext: @escaping @Sendable () -> SpanContext? = { ActiveContext.current.spanContext },
            clock: @escaping @Sendable () -> UInt64 = TracerProvider.wallClock
        ) {
            self.format = format
            self.level = level
            self.serviceName = serviceName
            self.redaction = redaction
            self.writer = writer
            self.processor = processor
            self.baggageAllowList = baggageAllowList
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
        case .automatic: text = configuration.writer?.isTerminal == true ? TextLogLine(isColored: false) : nil
        }
    }

    /// One value of the logger's own metadata.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes a line and exports a record.
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
        configuration.writer?.write(text?.format(record) ?? JSONLogLine.format(record))
        configuration.processor?.onEmit(record)
    }

    private func merged(_ event: LogEvent) -> Logger.Metadata {
        var result = baggage()
        for source in [metadata, metadataProvider?.get(), event.metadata] {
            guard let source, !source.isEmpty else { continue }
            // Mostly there is one source only, which then needs no copy.
            if result.isEmpty { result = source } else { result.merge(source) { $1 } }
        }
        if let error = event.error {
            result[SemanticConventions.exceptionType] = "\(String(reflecting: type(of: error)))"
            result["exception.message"] = "\(error)"
            if result[LogRecord.eventNameKey] == nil { result[LogRecord.eventNameKey] = "exception" }
        }
        return result
    }

    private func baggage() -> Logger.Metadata {
        // Nearly always empty, so that the context is not even looked up.
        guard !configuration.baggageAllowList.isEmpty else { return [:] }
        return configuration.baggageAllowList.metadata(of: ActiveContext.current.baggage)
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
            switch convertible {
            case is Bool, is any FixedWidthInteger, is Double: return value
            // The text of now: the record may outlive what the value describes.
            default: return .string(configuration.redaction.masked(convertible.description))
            }
        case .array(let values):
            return .array(values.map(masked))
        case .dictionary(let values):
            return .dictionary(
                Dictionary(uniqueKeysWithValues: values.map { ($0.key, redacted($0.value, key: $0.key)) })
            )
        }
    }
}
