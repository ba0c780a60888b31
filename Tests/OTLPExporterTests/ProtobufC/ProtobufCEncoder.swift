import COTLP
import CProtobufC
import Observability

/// The reference for the exporter's own encoder: the same mapping by protobuf-c's structs in an ``Arena``, packed by
/// protobuf-c.
final class ProtobufCEncoder {
    /// Values inside lists inside lists: deeper ones are left out, because receivers refuse deep messages.
    static let depthLimit = 16
    /// What of the output buffer is kept between batches at most.
    private static let retainedLimit = 8 << 20

    let arena = Arena()
    /// An empty text of our own: protobuf-c leaves out a oneof member that points to its shared empty string.
    let emptyText: UnsafeMutablePointer<CChar>
    /// Text and bytes of the batch so far; the encoding is never shorter. Unchecked like the arena's cursor.
    @exclusivity(unchecked) var payload = 0

    private var output = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 1)
    private var groups: [Group] = []
    private var groupOfSpan: [Int] = []

    /// The spans of one scope.
    private struct Group {
        let scope: InstrumentationScope
        var count = 0
        var spans: UnsafeMutablePointer<UnsafeMutablePointer<CSpan>?>
    }

    init() {
        emptyText = .allocate(capacity: 1)
        emptyText.pointee = 0
    }

    deinit {
        emptyText.deallocate()
        output.deallocate()
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
        arena.reset()
        payload = 0
        guard let request = makeRequest(spans, resource: resource, limit: limit) else { return nil }
        let size = request.withMemoryRebound(to: ProtobufCMessage.self, capacity: 1) { message in
            let size = protobuf_c_message_get_packed_size(message)
            guard size <= limit else { return size }
            reserve(size)
            let start = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return protobuf_c_message_pack(message, start)
        }
        guard size <= limit else { return nil }
        return try body(UnsafeRawBufferPointer(rebasing: output[..<size]))
    }

    private func reserve(_ size: Int) {
        guard size > output.count || (output.count > Self.retainedLimit && size <= Self.retainedLimit) else { return }
        output.deallocate()
        output = .allocate(byteCount: max(size, min(size * 2, Self.retainedLimit)), alignment: 16)
    }

    private func makeRequest(
        _ spans: ArraySlice<FinishedSpan>,
        resource: Resource,
        limit: Int
    ) -> UnsafeMutablePointer<CRequest>? {
        group(spans)
        for (span, group) in zip(spans, groupOfSpan) {
            groups[group].spans[groups[group].count] = makeSpan(span)
            groups[group].count += 1
            guard payload <= limit else { return nil }
        }

        let scopeSpans = arena.allocate(UnsafeMutablePointer<CScopeSpans>?.self, count: groups.count)
        let messages = arena.allocate(CScopeSpans.self, count: groups.count)
        for (index, group) in groups.enumerated() {
            let message = messages + index
            contrail__otlp__v1__scope_spans__init(message)
            message.pointee.scope = makeScope(group.scope)
            message.pointee.n_spans = group.count
            message.pointee.spans = group.spans
            message.pointee.schema_url = text(group.scope.schemaURL)
            scopeSpans[index] = message
        }

        let resourceSpans = arena.allocate(CResourceSpans.self, count: 1)
        contrail__otlp__v1__resource_spans__init(resourceSpans)
        resourceSpans.pointee.resource = makeResource(resource)
        resourceSpans.pointee.n_scope_spans = groups.count
        resourceSpans.pointee.scope_spans = scopeSpans

        let list = arena.allocate(UnsafeMutablePointer<CResourceSpans>?.self, count: 1)
        list.initialize(to: resourceSpans)
        let request = arena.allocate(CRequest.self, count: 1)
        contrail__otlp__v1__export_trace_service_request__init(request)
        request.pointee.n_resource_spans = 1
        request.pointee.resource_spans = list
        return payload <= limit ? request : nil
    }

    /// Sorts the spans into groups by scope, in the order in which the scopes appear.
    ///
    /// A linear search: a process has a handful of scopes, and neighbours mostly share one.
    private func group(_ spans: ArraySlice<FinishedSpan>) {
        groups.removeAll(keepingCapacity: true)
        groupOfSpan.removeAll(keepingCapacity: true)
        var last = 0
        for span in spans {
            if groups.isEmpty || groups[last].scope != span.scope {
                if let known = groups.firstIndex(where: { $0.scope == span.scope }) {
                    last = known
                } else {
                    last = groups.count
                    let list = arena.allocate(UnsafeMutablePointer<CSpan>?.self, count: spans.count)
                    groups.append(Group(scope: span.scope, spans: list))
                }
            }
            groupOfSpan.append(last)
        }
    }
}
