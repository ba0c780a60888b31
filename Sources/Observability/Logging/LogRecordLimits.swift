internal import Logging

/// How much one exported log record may hold. Implements the OpenTelemetry logs SDK, "LogRecord limits".
public struct LogRecordLimits: Sendable, Hashable {
    /// Attributes of a record.
    public var attributeCount = 128
    /// Characters of a string value; unlimited when `nil`.
    ///
    /// The specification's default is unlimited. Ours is 4,096, like that of spans.
    public var attributeValueLength: Int? = 4096
    /// Lists and dictionaries inside of each other; what is deeper is left empty.
    static let depth = 64

    /// Creates the default limits.
    public init() {}

    /// The record within the limits; the first attributes in the order of their keys stay.
    func applied(to record: LogRecord) -> LogRecord {
        var record = record
        let dropped = record.metadata.count - attributeCount
        if dropped > 0 {
            record.metadata.removeLast(dropped)
            record.droppedAttributesCount += dropped
        }
        for index in record.metadata.indices {
            record.metadata[index].value = limited(record.metadata[index].value, depth: 1)
        }
        return record
    }

    private func limited(_ value: Logger.MetadataValue, depth: Int) -> Logger.MetadataValue {
        switch value {
        case .string(let text):
            guard let limit = attributeValueLength, text.utf8.count > limit else { return value }
            return .string(text.limited(to: limit))
        case .stringConvertible:
            return value
        case .array(let values):
            return .array(depth > Self.depth ? [] : values.map { limited($0, depth: depth + 1) })
        case .dictionary(let values):
            return .dictionary(depth > Self.depth ? [:] : values.mapValues { limited($0, depth: depth + 1) })
        }
    }
}
