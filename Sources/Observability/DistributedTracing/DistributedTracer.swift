public import Tracing

/// The door for code that uses swift-distributed-tracing: the same spans, through its protocols.
///
/// An executable bootstraps it once, so that libraries that only know the standard API join our traces.
public struct DistributedTracer: Tracer {
    /// The spans are those of the SDK.
    public typealias Span = OTelSpan

    private let tracer: OTelTracer
    private let propagators: Propagators

    /// Creates the door.
    ///
    /// - Parameters:
    ///   - tracer: Makes the spans.
    ///   - propagators: Which headers are read and written, as ``OTelConfiguration/propagators`` says.
    public init(_ tracer: OTelTracer, propagators: Propagators = .all) {
        self.tracer = tracer
        self.propagators = propagators
    }

    /// Starts a span as a child of the given context.
    public func startSpan<Instant: TracerInstant>(
        _ operationName: String,
        context: @autoclosure () -> InstrumentationContext,
        ofKind kind: SpanKind,
        at instant: @autoclosure () -> Instant,
        function: String,
        file fileID: String,
        line: UInt
    ) -> OTelSpan {
        let context = context()
        let span = tracer.startSpan(
            operationName,
            kind: kind,
            parent: context.active ?? ActiveContext(),
            startTime: instant().nanosecondsSinceEpoch
        ) { attributes in
            attributes[SemanticConventions.codeFunctionName] = .string(function)
            attributes[SemanticConventions.codeFilePath] = .string(fileID)
            attributes[SemanticConventions.codeLineNumber] = .int(Int64(line))
        }
        span.record?.standardContext = context
        return span
    }

    /// Does nothing: flushing is awaited through ``TracerProvider/forceFlush(timeout:)``.
    public func forceFlush() {}

    /// Writes the trace context and baggage into a carrier.
    public func inject<Carrier, Inject: Injector>(
        _ context: InstrumentationContext,
        into carrier: inout Carrier,
        using injector: Inject
    ) where Carrier == Inject.Carrier {
        guard let active = context.active else { return }
        propagators.inject(active) { name, value in
            injector.inject(value, forKey: name, into: &carrier)
        }
    }

    /// Reads the trace context and baggage from a carrier.
    public func extract<Carrier, Extract: Extractor>(
        _ carrier: Carrier,
        into context: inout InstrumentationContext,
        using extractor: Extract
    ) where Carrier == Extract.Carrier {
        let extracted = propagators.extract { name in
            extractor.extract(key: name, from: carrier).map { [$0] } ?? []
        }
        // What the carrier lacks, or has in a malformed form, must not replace what the context has.
        var active = context.active ?? ActiveContext()
        if let spanContext = extracted.spanContext {
            active.spanContext = spanContext
        }
        if !extracted.baggage.isEmpty { active.baggage = extracted.baggage }
        guard active.spanContext != nil || !active.baggage.isEmpty else { return }
        context.active = active
    }
}
