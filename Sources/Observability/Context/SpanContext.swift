/// The part of a span that travels: identifiers, flags and state.
///
/// Implements the OpenTelemetry trace API, "SpanContext".
public struct SpanContext: Hashable, Sendable {
    /// The trace that the span belongs to.
    public let traceID: TraceID
    /// The span.
    public let spanID: SpanID
    /// What other vendors attached to the trace, kept as it came.
    public let traceState: TraceState
    // The two bytes last and together: the context is copied often, and holes cost as much as values.
    /// The W3C flags.
    public let flags: TraceFlags
    /// Whether the context was received from another process.
    public let isRemote: Bool

    /// Creates a context.
    ///
    /// - Parameters:
    ///   - traceID: The trace.
    ///   - spanID: The span.
    ///   - flags: The W3C flags.
    ///   - traceState: The vendors' members.
    ///   - isRemote: Whether it came from another process.
    public init(
        traceID: TraceID,
        spanID: SpanID,
        flags: TraceFlags,
        traceState: TraceState = TraceState(),
        isRemote: Bool = false
    ) {
        self.traceID = traceID
        self.spanID = spanID
        self.flags = flags
        self.traceState = traceState
        self.isRemote = isRemote
    }

    /// The context of no span at all.
    static let none = SpanContext(traceID: TraceID(high: 0, low: 0), spanID: SpanID(0), flags: [])

    /// Whether both identifiers are not zero.
    public var isValid: Bool { traceID.isValid && spanID.isValid }

    /// Whether the span is recorded and exported.
    public var isSampled: Bool { flags.contains(.sampled) }

    /// The context of a span that is exported after all, by no threshold.
    var sampled: SpanContext {
        SpanContext(
            traceID: traceID,
            spanID: spanID,
            flags: flags.union(.sampled),
            traceState: traceState.withoutThreshold,
            isRemote: isRemote
        )
    }
}

/// The flags of a `traceparent` header.
///
/// Implements W3C Trace Context Level 2, "trace-flags".
public struct TraceFlags: OptionSet, Hashable, Sendable {
    /// The byte on the wire.
    public let rawValue: UInt8

    /// Creates flags from the byte on the wire.
    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// The caller recorded the span.
    public static let sampled = TraceFlags(rawValue: 0x01)
    /// At least the low 56 bits of the trace id are uniformly random.
    public static let random = TraceFlags(rawValue: 0x02)

    /// The bits that this version of the specification defines; others are zeroed on output.
    static let known: TraceFlags = [.sampled, .random]
}
