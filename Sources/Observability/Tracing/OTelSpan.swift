public import Tracing

/// A span that this SDK made: recording when it is sampled or may be kept later, otherwise only a context to pass on.
///
/// A value that refers to what is recorded, so that a span that records nothing costs no memory. All methods may be
/// called from any thread. After ``end(at:)`` every change is ignored. Implements the OpenTelemetry trace API and SDK,
/// "Span".
public struct OTelSpan: Sendable {
    /// The part that travels.
    public let spanContext: SpanContext
    /// The baggage of the context that the span was started in.
    public let baggage: Baggage

    /// `nil` when nothing is recorded.
    let record: SpanRecord?

    @inline(__always)
    init(_ spanContext: SpanContext, baggage: Baggage, record: SpanRecord?) {
        self.spanContext = spanContext
        self.baggage = baggage
        self.record = record
    }

    /// Whether the span will be exported.
    public var isSampled: Bool { record?.isSampled ?? false }

    /// The name, which may change while the span runs; empty when nothing is recorded.
    public var name: String {
        get { record?.read(\.name) ?? "" }
        nonmutating set { record?.change { $0.name = newValue } }
    }

    /// The kind that the span was started with; internal when nothing is recorded.
    public var kind: SpanKind { record?.read(\.kind) ?? .internal }

    /// When the span started, in nanoseconds since the Unix epoch; 0 when nothing is recorded.
    public var startTime: UInt64 { record?.read(\.startTime) ?? 0 }

    /// Sets one attribute, replacing an earlier value.
    @inline(__always)
    public func setAttribute(_ key: String, _ value: AttributeValue) {
        guard let record else { return }
        record.change { data in
            data.droppedAttributesCount += data.attributes.set(key, value, record.pipeline.limits.span)
        }
    }

    /// Sets attributes, replacing earlier values of the same names.
    public func setAttributes(_ attributes: Attributes) {
        guard let record else { return }
        let limits = record.pipeline.limits.span
        record.change { data in
            for element in attributes {
                data.droppedAttributesCount += data.attributes.set(element.key, element.value, limits)
            }
        }
    }

    /// Adds an event.
    ///
    /// - Parameters:
    ///   - name: What happened.
    ///   - attributes: Details.
    ///   - time: When, in nanoseconds since the Unix epoch; now when `nil`.
    public func addEvent(_ name: String, attributes: Attributes = [:], at time: UInt64? = nil) {
        guard let record else { return }
        let pipeline = record.pipeline
        record.change { data in
            guard data.events.count < pipeline.limits.eventCount else {
                data.droppedEventsCount += 1
                return
            }
            var event = Event(name: name, time: time ?? pipeline.now(), attributes: attributes)
            event.droppedAttributesCount = event.attributes.limit(pipeline.limits.event)
            data.events.append(event)
        }
    }

    /// Adds a link. Links added after the start were not seen by the sampler. A link without a valid context is kept
    /// only when it says something: by attributes, or by its trace state.
    public func addLink(_ link: Link) {
        guard let record else { return }
        let limits = record.pipeline.limits
        record.change { data in limits.add(link, to: &data) }
    }

    /// Sets the status. `ok` is final, and `unset` changes nothing. The text of an error is masked like a log line, because
    /// it is often somebody else's.
    public func setStatus(_ status: Status) {
        guard isRecording, status != .unset else { return }
        var status = status
        if case .error(let text) = status { status = .error(Self.errorRedaction.masked(text)) }
        record?.change { data in
            if data.status != .ok { data.status = status }
        }
    }

    /// Marks the span as failed, and its trace as one that tail keep keeps: at once, so that what is measured of the failure
    /// before the span ends leads to the trace.
    ///
    /// - Parameters:
    ///   - type: The `error.type`: a status code or a type name, of low cardinality.
    ///   - message: What went wrong, without personal data; may be empty. It is masked as ``setStatus(_:)`` says.
    public func setError(type: String, message: String = "") {
        guard isRecording else { return }
        setAttribute(SemanticConventions.errorType, .string(type))
        setStatus(.error(message))
        if hasError { keepTrace(.error) }
    }

    private static let errorRedaction = LogRedaction()

    /// Makes the whole trace be exported, also what the sampler did not choose, as far as it is still known.
    ///
    /// - Parameter reason: Why the trace matters.
    public func keepTrace(_ reason: TailKeep.Reason) {
        guard let record, !record.isSampled else { return }
        record.pipeline.keepTrace(spanContext.traceID, reason, by: record)
    }

    /// The context for an exemplar or a stored message: sampled as well when only a verdict of tail keep makes the span be
    /// exported, so that what matters can be found from its measurements, and what comes later is kept, too.
    public var exportedContext: SpanContext {
        guard let record, !record.isSampled, record.pipeline.isKept(spanContext.traceID) else { return spanContext }
        return spanContext.sampled
    }

    /// Ends the span and hands it on. A second call does nothing.
    ///
    /// - Parameter time: When it ended, in nanoseconds since the Unix epoch; now when `nil`.
    @inline(__always)
    public func end(at time: UInt64? = nil) {
        record?.end(at: time)
    }

    /// Whether changes are recorded: from the start to the end of a span that is sampled or may be kept later.
    public var isRecording: Bool { record?.isOpen ?? false }

    /// Whether somebody already said what went wrong.
    var hasError: Bool {
        guard case .error? = record?.read(\.status) else { return false }
        return true
    }
}
