public import Observability

/// The encoding of a batch by itself, for programs that measure it; `Benchmarks/` does.
@_spi(Benchmarks)
public final class OTLPEncoding {
    private let encoder = OTLPEncoder()

    /// Creates an encoder, whose buffers are reused.
    public init() {}

    /// Encodes spans as the exporter does.
    ///
    /// - Parameters:
    ///   - spans: The spans, not empty.
    ///   - resource: The process that made them.
    ///   - body: Receives the encoding. The bytes are only valid while it runs.
    public func encode(_ spans: [FinishedSpan], resource: Resource, _ body: (UnsafeRawBufferPointer) -> Void) {
        _ = encoder.encode(spans[...], resource: resource, limit: .max, body)
    }
}
