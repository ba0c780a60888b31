internal import Logging
internal import Observability

/// `LogRecord` of OTLP 1.11, "logs.proto", fields in the order of their numbers.
extension ProtobufWriter {
    private enum RecordTag {
        static let time: UInt8 = 0x09
        static let severityNumber: UInt8 = 0x10
        static let severityText: UInt8 = 0x1A
        static let body: UInt8 = 0x2A
        static let attributes: UInt8 = 0x32
        static let droppedAttributes: UInt8 = 0x38
        static let flags: UInt8 = 0x45
        static let traceID: UInt8 = 0x4A
        static let spanID: UInt8 = 0x52
        static let observedTime: UInt8 = 0x59
        static let eventName: UInt8 = 0x62
    }

    private enum ValueTag {
        static let string: UInt8 = 0x0A
        static let bool: UInt8 = 0x10
        static let int: UInt8 = 0x18
        static let double: UInt8 = 0x21
        static let array: UInt8 = 0x2A
        static let dictionary: UInt8 = 0x32
        static let element: UInt8 = 0x0A
        static let key: UInt8 = 0x0A
        static let value: UInt8 = 0x12
    }

    /// More than the fields of fixed size that are written in one go.
    private static let fixedPart = 64

    /// Writes one record.
    mutating func record(_ tag: UInt8, _ record: LogRecord) {
        let message = begin(tag, lengthWidth: 2)
        reserve(Self.fixedPart)
        put(RecordTag.time)
        put(littleEndian: record.time)
        field(RecordTag.severityNumber, nonZero: record.level.severityNumber)
        field(RecordTag.severityText, nonEmpty: record.level.rawValue)
        let body = begin(RecordTag.body, lengthWidth: 1)
        string(record.message)
        end(body)
        let eventName = record.eventName
        // The event's name has a field of its own.
        for (key, value) in record.metadata where !key.isEmpty && (eventName == nil || key != LogRecord.eventNameKey) {
            pair(RecordTag.attributes, key, value, depth: 0)
        }
        field(RecordTag.droppedAttributes, nonZero: UInt64(UInt32(clamping: record.droppedAttributesCount)))
        reserve(Self.fixedPart)
        if let context = record.spanContext {
            if !context.flags.isEmpty {
                put(RecordTag.flags)
                put(littleEndian: UInt32(context.flags.rawValue))
            }
            put(RecordTag.traceID)
            put(16)
            put(bigEndian: context.traceID.high)
            put(bigEndian: context.traceID.low)
            put(RecordTag.spanID)
            put(8)
            put(bigEndian: context.spanID.value)
        }
        put(RecordTag.observedTime)
        put(littleEndian: record.time)
        if let eventName { field(RecordTag.eventName, nonEmpty: eventName) }
        end(message)
    }

    private mutating func pair(_ tag: UInt8, _ key: String, _ value: Logger.MetadataValue, depth: Int) {
        let pair = begin(tag, lengthWidth: 1)
        field(ValueTag.key, nonEmpty: key)
        anyValue(ValueTag.value, value, depth: depth)
        end(pair)
    }

    /// Writes any value. A member of the oneof is always written, also zero, false or empty, because that is what tells
    /// the types apart.
    private mutating func anyValue(_ tag: UInt8, _ value: Logger.MetadataValue, depth: Int) {
        let message = begin(tag, lengthWidth: 1)
        switch value {
        case .string(let text):
            string(text)
        case .stringConvertible(let value):
            switch value {
            case let value as Bool: number(ValueTag.bool, value ? 1 : 0)
            case let value as any FixedWidthInteger: integer(value)
            case let value as Double:
                reserve(Self.maximumNumberField)
                put(ValueTag.double)
                put(littleEndian: value.bitPattern)
            default: string(value.description)
            }
        case .array(let values):
            let list = begin(ValueTag.array, lengthWidth: 1)
            if depth < Self.depthLimit {
                for value in values { anyValue(ValueTag.element, value, depth: depth + 1) }
            }
            end(list)
        case .dictionary(let values):
            let list = begin(ValueTag.dictionary, lengthWidth: 1)
            if depth < Self.depthLimit {
                for (key, value) in values.sorted(by: { $0.key < $1.key }) {
                    pair(ValueTag.element, key, value, depth: depth + 1)
                }
            }
            end(list)
        }
        end(message)
    }

    private mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { field(ValueTag.string, $0) }
    }

    private mutating func number(_ tag: UInt8, _ value: UInt64) {
        reserve(Self.maximumNumberField)
        put(tag)
        put(varint: value)
    }

    /// Writes a number, as text when it does not fit into 64 signed bits.
    private mutating func integer(_ value: some FixedWidthInteger) {
        if let value = Int64(exactly: value) {
            number(ValueTag.int, UInt64(bitPattern: value))
        } else {
            string(value.description)
        }
    }
}
