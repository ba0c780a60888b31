public import Logging

/// Everything of one log line, redacted, ready to be written and to be exported.
///
/// Implements the OpenTelemetry logs data model.
public struct LogRecord: Sendable {
    /// When, in nanoseconds since the Unix epoch.
    public var time: UInt64
    /// How severe.
    public var level: Logger.Level
    /// The message.
    public var message: String
    /// The logger's name.
    public var label: String
    /// The service's name; may be empty.
    public var serviceName: String
    /// The span of the code that logged, also when it is not sampled.
    public var spanContext: SpanContext?
    /// Details, in the order of their keys.
    public var metadata: [(key: String, value: Logger.MetadataValue)]
    /// How many details the limits refused.
    public var droppedAttributesCount: Int

    /// The key of the metadata that makes a line an event of the conventions, and says which.
    public static let eventNameKey = "event.name"

    /// The event that the record is; `nil` when it is an ordinary line.
    public var eventName: String? {
        for (key, value) in metadata where key == Self.eventNameKey {
            if case .string(let name) = value, !name.isEmpty { return name }
        }
        return nil
    }

    /// Creates a record.
    ///
    /// - Parameters:
    ///   - time: When, in nanoseconds since the Unix epoch.
    ///   - level: How severe.
    ///   - message: The message.
    ///   - label: The logger's name.
    ///   - serviceName: The service's name; may be empty.
    ///   - spanContext: The span of the code that logged.
    ///   - metadata: Details, in the order of their keys.
    ///   - droppedAttributesCount: How many details the limits refused.
    public init(
        time: UInt64,
        level: Logger.Level,
        message: String,
        label: String,
        serviceName: String = "",
        spanContext: SpanContext? = nil,
        metadata: [(key: String, value: Logger.MetadataValue)] = [],
        droppedAttributesCount: Int = 0
    ) {
        self.time = time
        self.level = level
        self.message = message
        self.label = label
        self.serviceName = serviceName
        self.spanContext = spanContext
        self.metadata = metadata
        self.droppedAttributesCount = droppedAttributesCount
    }
}

/// A moment in UTC as a calendar shows it.
struct LogTimestamp {
    let year: Int
    let month: Int
    let day: Int
    let hour: Int
    let minute: Int
    let second: Int
    let microsecond: Int

    /// Creates a timestamp from nanoseconds since the Unix epoch.
    init(_ time: UInt64) {
        let seconds = Int(time / 1_000_000_000)
        microsecond = Int(time % 1_000_000_000) / 1000
        hour = seconds / 3600 % 24
        minute = seconds / 60 % 60
        second = seconds % 60
        // Days in a calendar of 400-year eras whose years begin in March, so that leap days come last.
        let days = seconds / 86400 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }

    /// Writes RFC 3339 with microseconds: `2026-01-02T03:04:05.678901Z`.
    func appendDateAndTime(to line: inout [UInt8]) {
        line.append(year, digits: 4)
        line.append(UInt8(ascii: "-"))
        line.append(month, digits: 2)
        line.append(UInt8(ascii: "-"))
        line.append(day, digits: 2)
        line.append(UInt8(ascii: "T"))
        appendClock(to: &line)
        line.append(microsecond, digits: 6)
        line.append(UInt8(ascii: "Z"))
    }

    /// Writes the time of day with milliseconds: `03:04:05.678`.
    func appendTime(to line: inout [UInt8]) {
        appendClock(to: &line)
        line.append(microsecond / 1000, digits: 3)
    }

    private func appendClock(to line: inout [UInt8]) {
        line.append(hour, digits: 2)
        line.append(UInt8(ascii: ":"))
        line.append(minute, digits: 2)
        line.append(UInt8(ascii: ":"))
        line.append(second, digits: 2)
        line.append(UInt8(ascii: "."))
    }
}

extension [UInt8] {
    mutating func append(_ text: String) {
        append(contentsOf: text.utf8)
    }

    /// Writes a number with leading zeros.
    fileprivate mutating func append(_ number: Int, digits: Int) {
        var divisor = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}
