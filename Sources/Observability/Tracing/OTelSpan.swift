private import Synchronization
public import Tracing

/// A span that this SDK made: recording when it is sampled, otherwise only a context to pass on.
///
/// All methods may be called from any thread. After ``end(at:)`` every change is ignored. Implements the OpenTelemetry
/// trace API and SDK, "Span".
public final class OTelSpan: Sendable {
    /// The part that travels.
    public let spanContext: SpanContext
    /// Whether changes are recorded and the span will be exported.
    public let isSampled: Bool
    /// The baggage of the context that the span was started in.
    public let baggage: Baggage

    private let provider: TracerProvider
    private let state: Mutex<State>

    private struct State {
        var data: FinishedSpan
        var hasEnded: Bool
    }

    init(data: FinishedSpan, baggage: Baggage, isSampled: Bool, provider: TracerProvider) {
        spanContext = data.context
        self.baggage = baggage
        self.isSampled = isSampled
        self.provider = provider
        state = Mutex(State(data: data, hasEnded: false))
    }

    /// The name, which may change while the span runs.
    public var name: String {
        get { state.withLock { $0.data.name } }
        set { change { $0.name = newValue } }
    }

    /// The kind that the span was started with.
    public var kind: SpanKind { state.withLock { $0.data.kind } }

    /// When the span started, in nanoseconds since the Unix epoch.
    public var startTime: UInt64 { state.withLock { $0.data.startTime } }

    /// Sets one attribute, replacing an earlier value.
    public func setAttribute(_ key: String, _ value: AttributeValue) {
        setAttributes([key: value])
    }

    /// Sets attributes, replacing earlier values of the same names.
    public func setAttributes(_ attributes: Attributes) {
        change { data in
            data.attributes.merge(attributes)
            data.droppedAttributesCount += data.attributes.limit(
                count: self.provider.limits.attributeCount,
                valueLength: self.provider.limits.attributeValueLength
            )
        }
    }

    /// Adds an event.
    ///
    /// - Parameters:
    ///   - name: What happened.
    ///   - attributes: Details.
    ///   - time: When, in nanoseconds since the Unix epoch; now when `nil`.
    public func addEvent(_ name: String, attributes: Attributes = [:], at time: UInt64? = nil) {
        change { data in
            guard data.events.count < self.provider.limits.eventCount else {
                data.droppedEventsCount += 1
                return
            }
            var event = Event(name: name, time: time ?? self.provider.now(), attributes: attributes)
            event.droppedAttributesCount = event.attributes.limit(
                count: self.provider.limits.eventAttributeCount,
                valueLength: self.provider.limits.attributeValueLength
            )
            data.events.append(event)
        }
    }

    /// Adds a link. Links added after the start were not seen by the sampler.
    public func addLink(_ link: Link) {
        change { data in
            guard data.links.count < self.provider.limits.linkCount else {
                data.droppedLinksCount += 1
                return
            }
            data.links.append(self.provider.limits.applied(to: link))
        }
    }

    /// Sets the status. `ok` is final, and `unset` changes nothing.
    public func setStatus(_ status: Status) {
        change { data in
            guard data.status != .ok, status != .unset else { return }
            data.status = status
        }
    }

    /// Marks the span as failed.
    ///
    /// - Parameters:
    ///   - type: The `error.type`: a status code or a type name, of low cardinality.
    ///   - message: What went wrong, without personal data; may be empty.
    public func setError(type: String, message: String = "") {
        setAttribute(SemanticConventions.errorType, .string(type))
        setStatus(.error(message))
    }

    /// Ends the span and hands it on. A second call does nothing.
    ///
    /// - Parameter time: When it ended, in nanoseconds since the Unix epoch; now when `nil`.
    public func end(at time: UInt64? = nil) {
        let end = time ?? provider.now()
        let finished: FinishedSpan? = state.withLock { state in
            guard !state.hasEnded else { return nil }
            state.hasEnded = true
            // The wall clock may be set back while a span runs; a negative duration helps nobody.
            state.data.endTime = max(end, state.data.startTime)
            return state.data
        }
        guard let finished else { return }
        provider.spanEnded(finished, isSampled: isSampled)
    }

    /// What was set so far.
    var recordedAttributes: Attributes { state.withLock { $0.data.attributes } }

    /// Whether somebody already said what went wrong.
    var hasError: Bool {
        state.withLock { state in
            if case .error = state.data.status { true } else { false }
        }
    }

    private func change(_ body: (inout FinishedSpan) -> Void) {
        guard isSampled else { return }
        state.withLock { state in
            if !state.hasEnded { body(&state.data) }
        }
    }
}
