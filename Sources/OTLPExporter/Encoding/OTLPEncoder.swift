internal import Observability

/// Turns spans into the bytes of an `ExportTraceServiceRequest`.
///
/// Writes the wire format itself, into a buffer that is used again, so that a steady stream of spans allocates nothing.
/// Implements OTLP 1.11, "ExportTraceServiceRequest", and the trace data model. Not for two threads at once.
final class OTLPEncoder {
    private enum Tag {
        static let resourceSpans: UInt8 = 0x0A
        static let resource: UInt8 = 0x0A
        static let resourceAttributes: UInt8 = 0x0A
        static let scopeSpans: UInt8 = 0x12
        static let scope: UInt8 = 0x0A
        static let scopeName: UInt8 = 0x0A
        static let scopeVersion: UInt8 = 0x12
        static let spans: UInt8 = 0x12
        static let schemaURL: UInt8 = 0x1A
    }

    private var writer = ProtobufWriter()
    private var scopes: [InstrumentationScope] = []
    /// The index of each span's scope; empty when there is only one.
    private var scopeOfSpan: [Int] = []

    /// How much memory is kept for the next batch.
    var capacity: Int { writer.capacity }

    deinit {
        writer.deallocate()
    }

    /// Encodes spans.
    ///
    /// - Parameters:
    ///   - spans: The spans, not empty.
    ///   - resource: The process that made them.
    ///   - limit: The most bytes that the encoding may have.
    ///   - body: Receives the encoding. The bytes are only valid while it runs.
    /// - Returns: What the body returned, or `nil` when the encoding would be longer than the limit.
    func encode<Result>(
        _ spans: ArraySlice<FinishedSpan>,
        resource: Resource,
        limit: Int,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result? {
        let isWithinLimit = spans.withUnsafeBufferPointer { write($0, resource: resource, limit: limit) }
        guard isWithinLimit else { return nil }
        let request = writer.wrapped(in: Tag.resourceSpans)
        guard request.count <= limit else { return nil }
        return try body(request)
    }

    /// Writes the fields of the only `ResourceSpans`.
    ///
    /// - Returns: `false` as soon as it is clear that they are more bytes than the limit.
    private func write(_ spans: UnsafeBufferPointer<FinishedSpan>, resource: Resource, limit: Int) -> Bool {
        group(spans)
        let scopes = scopes
        let scopeOfSpan = scopeOfSpan
        // In registers while it is written to.
        var writer = self.writer
        defer { self.writer = writer }
        writer.reset()
        let message = writer.begin(Tag.resource, lengthWidth: 2)
        writer.attributes(Tag.resourceAttributes, resource.attributes)
        writer.end(message)
        for index in scopes.indices {
            // 128 spans usually make the length one of three bytes.
            let group = writer.begin(Tag.scopeSpans, lengthWidth: spans.count / scopes.count < 128 ? 2 : 3)
            let scope = writer.begin(Tag.scope, lengthWidth: 1)
            writer.field(Tag.scopeName, nonEmpty: scopes[index].name)
            writer.field(Tag.scopeVersion, nonEmpty: scopes[index].version)
            writer.end(scope)
            spans.withBorrowed { spans, count in
                for position in 0..<count where scopeOfSpan.isEmpty || scopeOfSpan[position] == index {
                    guard writer.count <= limit else { break }
                    writer.span(Tag.spans, spans[position])
                }
            }
            writer.field(Tag.schemaURL, nonEmpty: scopes[index].schemaURL)
            writer.end(group)
        }
        return writer.count <= limit
    }

    /// Sorts the spans by scope, in the order in which the scopes appear.
    ///
    /// A linear search: a process has a handful of scopes, and neighbours mostly share one.
    private func group(_ spans: UnsafeBufferPointer<FinishedSpan>) {
        scopes.removeAll(keepingCapacity: true)
        scopeOfSpan.removeAll(keepingCapacity: true)
        spans.withBorrowed { spans, count in
            scopes.append(spans.pointee.value.scope)
            var known = 1
            while known < count, spans[known].value.scope.isSame(as: spans.pointee.value.scope) { known += 1 }
            // One scope only: no list is needed.
            guard known < count else { return }
            scopeOfSpan.append(contentsOf: repeatElement(0, count: known))
            for position in known..<count {
                let last = scopeOfSpan[position - 1]
                if spans[position].value.scope.isSame(as: scopes[last]) {
                    scopeOfSpan.append(last)
                } else if let other = scopes.firstIndex(where: { spans[position].value.scope.isSame(as: $0) }) {
                    scopeOfSpan.append(other)
                } else {
                    scopeOfSpan.append(scopes.count)
                    scopes.append(spans[position].value.scope)
                }
            }
        }
    }
}

extension InstrumentationScope {
    @inline(__always)
    fileprivate func isSame(as other: InstrumentationScope) -> Bool {
        name == other.name && version == other.version && schemaURL == other.schemaURL
    }
}
