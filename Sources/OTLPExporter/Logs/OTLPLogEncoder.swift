internal import Logging
internal import Observability

/// Turns log records into the bytes of an `ExportLogsServiceRequest`.
///
/// A record's logger is its scope. Implements OTLP 1.11, "ExportLogsServiceRequest", and the logs data model. Not for two
/// threads at once.
final class OTLPLogEncoder {
    /// Values inside of each other: deeper ones are left out, because receivers refuse deep messages.
    static let depthLimit = 16

    private var writer = ProtobufWriter()

    /// Encodes records.
    ///
    /// - Parameters:
    ///   - records: The records, not empty.
    ///   - resource: The process that made them.
    ///   - limit: The most bytes that the encoding may have.
    ///   - body: Receives the encoding. The bytes are only valid while it runs.
    /// - Returns: What the body returned, or `nil` when the encoding would be longer than the limit.
    func encode<Result>(
        _ records: ArraySlice<LogRecord>,
        resource: Resource,
        limit: Int,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result? {
        writer.reset()
        let resourceLogs = writer.mark
        var scopes: [String] = []
        for record in records where scopes.last != record.label && !scopes.contains(record.label) {
            scopes.append(record.label)
        }
        for scope in scopes.reversed() {
            let scopeLogs = writer.mark
            writer.string(3, SemanticConventions.schemaURL)
            for record in records.reversed() where record.label == scope {
                write(record)
                guard writer.count <= limit else { return nil }
            }
            let name = writer.mark
            if !scope.isEmpty { writer.string(1, scope) }
            writer.endMessage(1, since: name)
            writer.endMessage(2, since: scopeLogs)
        }
        let attributes = writer.mark
        for attribute in resource.attributes.reversed() {
            write(key: attribute.key, field: 1) { $0.write(attribute.value, depth: 1) }
        }
        writer.endMessage(1, since: attributes)
        writer.endMessage(1, since: resourceLogs)
        guard writer.count <= limit else { return nil }
        return try body(writer.bytes)
    }

    /// Writes one `LogRecord`, last field first.
    private func write(_ record: LogRecord) {
        let start = writer.mark
        writer.fixed64(11, record.time)
        if let context = record.spanContext {
            writer.identifier(10, context.spanID.value)
            writer.identifier(9, context.traceID.high, context.traceID.low)
            if !context.flags.isEmpty { writer.fixed32(8, UInt32(context.flags.rawValue)) }
        }
        if record.droppedAttributesCount > 0 {
            writer.varint(7, UInt64(UInt32(clamping: record.droppedAttributesCount)))
        }
        for (key, value) in record.metadata.reversed() where !key.isEmpty {
            write(key: key, field: 6) { $0.write(value, depth: 1) }
        }
        let body = writer.mark
        writer.string(1, record.message)
        writer.endMessage(5, since: body)
        writer.string(3, record.level.rawValue)
        writer.varint(2, record.level.severityNumber)
        writer.fixed64(1, record.time)
        writer.endMessage(2, since: start)
    }

    /// Writes a `KeyValue`.
    private func write(key: String, field: UInt8, _ value: (OTLPLogEncoder) -> Void) {
        let pair = writer.mark
        let anyValue = writer.mark
        value(self)
        writer.endMessage(2, since: anyValue)
        writer.string(1, key)
        writer.endMessage(field, since: pair)
    }

    /// Writes the contents of an `AnyValue`, whose member is written also when it is empty, false or zero.
    private func write(_ value: Logger.MetadataValue, depth: Int) {
        switch value {
        case .string(let text):
            writer.string(1, text)
        case .stringConvertible(let value):
            switch value {
            case let value as Bool: writer.varint(2, value ? 1 : 0)
            case let value as any FixedWidthInteger: write(integer: value)
            case let value as Double: writer.fixed64(4, value.bitPattern)
            default: writer.string(1, value.description)
            }
        case .array(let values):
            let list = writer.mark
            for value in (depth < Self.depthLimit ? values : []).reversed() {
                let element = writer.mark
                write(value, depth: depth + 1)
                writer.endMessage(1, since: element)
            }
            writer.endMessage(5, since: list)
        case .dictionary(let values):
            let list = writer.mark
            if depth < Self.depthLimit {
                for (key, value) in values.sorted(by: { $0.key > $1.key }) {
                    write(key: key, field: 1) { $0.write(value, depth: depth + 1) }
                }
            }
            writer.endMessage(6, since: list)
        }
    }

    /// Writes a number, as text when it does not fit into 64 signed bits.
    private func write(integer value: some FixedWidthInteger) {
        if let number = Int64(exactly: value) {
            writer.varint(3, UInt64(bitPattern: number))
        } else {
            writer.string(1, value.description)
        }
    }

    private func write(_ value: AttributeValue, depth: Int) {
        switch value {
        case .string(let text): writer.string(1, text)
        case .bool(let bool): writer.varint(2, bool ? 1 : 0)
        case .int(let number): writer.varint(3, UInt64(bitPattern: number))
        case .double(let number): writer.fixed64(4, number.bitPattern)
        case .bytes(let bytes): writer.data(7, bytes)
        case .array(let values):
            let list = writer.mark
            for value in (depth < Self.depthLimit ? values : []).reversed() {
                let element = writer.mark
                write(value, depth: depth + 1)
                writer.endMessage(1, since: element)
            }
            writer.endMessage(5, since: list)
        }
    }
}
