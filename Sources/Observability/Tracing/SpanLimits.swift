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

    var span: AttributeLimits { AttributeLimits(count: attributeCount, valueLength: attributeValueLength ?? .max) }

    var event: AttributeLimits {
        AttributeLimits(count: eventAttributeCount, valueLength: attributeValueLength ?? .max)
    }

    private var link: AttributeLimits {
        AttributeLimits(count: linkAttributeCount, valueLength: attributeValueLength ?? .max)
    }

    /// Adds a link within the limits, or counts it. One that leads nowhere and says nothing is no link at all.
    func add(_ link: OTelSpan.Link, to span: inout FinishedSpan) {
        guard link.context.isValid || !link.attributes.isEmpty || !link.context.traceState.isEmpty else { return }
        guard span.links.count < linkCount else {
            span.droppedLinksCount += 1
            return
        }
        var link = link
        link.droppedAttributesCount += link.attributes.limit(self.link)
        span.links.append(link)
    }
}
