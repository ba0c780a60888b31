/// How much one span may hold. Implements the OpenTelemetry trace SDK, "Span limits".
public struct SpanLimits: Sendable, Hashable {
    /// Attributes of a span.
    public var attributeCount = 128
    /// Characters of a string value, bytes of a byte value; unlimited when `nil`.
    ///
    /// The specification's default is unlimited. Ours is 4,096, because one forgotten payload in an attribute must not
    /// bloat every batch it travels in.
    public var attributeValueLength: Int? = 4096
    /// Events of a span.
    public var eventCount = 128
    /// Links of a span.
    public var linkCount = 128
    /// Attributes of an event.
    public var eventAttributeCount = 128
    /// Attributes of a link.
    public var linkAttributeCount = 128

    /// Creates the default limits.
    public init() {}

    func applied(to link: OTelSpan.Link) -> OTelSpan.Link {
        var link = link
        link.droppedAttributesCount += link.attributes.limit(
            count: linkAttributeCount,
            valueLength: attributeValueLength
        )
        return link
    }
}
