internal import Observability

/// Turns log records into the bytes of an `ExportLogsServiceRequest`.
///
/// A record's logger is its scope. Implements OTLP 1.11, "ExportLogsServiceRequest", and the logs data model. Not for two
/// threads at once.
final class OTLPLogEncoder {
    private enum Tag {
        static let resourceLogs: UInt8 = 0x0A
        static let resource: UInt8 = 0x0A
        static let resourceAttributes: UInt8 = 0x0A
        static let scopeLogs: UInt8 = 0x12
        static let scope: UInt8 = 0x0A
        static let scopeName: UInt8 = 0x0A
        static let records: UInt8 = 0x12
        static let schemaURL: UInt8 = 0x1A
    }

    private var writer = ProtobufWriter()

    deinit {
        writer.deallocate()
    }

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
        let message = writer.begin(Tag.resource, lengthWidth: 2)
        writer.attributes(Tag.resourceAttributes, resource.attributes)
        writer.end(message)
        for scope in Self.scopes(of: records) {
            let group = writer.begin(Tag.scopeLogs, lengthWidth: 3)
            let name = writer.begin(Tag.scope, lengthWidth: 1)
            writer.field(Tag.scopeName, nonEmpty: scope)
            writer.end(name)
            for record in records where record.label == scope {
                writer.record(Tag.records, record)
                guard writer.count <= limit else { return nil }
            }
            writer.field(Tag.schemaURL, nonEmpty: SemanticConventions.schemaURL)
            writer.end(group)
        }
        let request = writer.wrapped(in: Tag.resourceLogs)
        guard request.count <= limit else { return nil }
        return try body(request)
    }

    /// The loggers, in the order in which they appear. A linear search: a process has a handful.
    private static func scopes(of records: ArraySlice<LogRecord>) -> [String] {
        var scopes: [String] = []
        for record in records where scopes.last != record.label && !scopes.contains(record.label) {
            scopes.append(record.label)
        }
        return scopes
    }
}
