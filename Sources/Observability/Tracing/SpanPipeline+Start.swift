internal import Tracing

extension SpanPipeline {
    /// Decides about a span and fills in what every record has. The caller adds the rest and opens the record.
    @inline(__always)
    func begin(
        _ name: String,
        kind: SpanKind,
        parent: ActiveContext,
        startTime: UInt64?,
        tracer: OTelTracer
    ) -> (OTelSpan, SpanRecord?) {
        guard isEnabled else { return (passingOn(parent), nil) }
        var traceID: TraceID
        // A new trace has a random id; a continued one keeps its flag as it came (W3C "random-trace-id flag").
        var flags = TraceFlags.random
        var parentSpanID: SpanID?
        var parentIsRemote: Bool?
        var rule = plan.root
        if let parent = parent.parent {
            traceID = parent.traceID
            flags = parent.flags.intersection(.random)
            parentSpanID = parent.spanID
            parentIsRemote = parent.isRemote
            rule = plan.rule(parentIsRemote: parent.isRemote, parentIsSampled: parent.isSampled)
        } else {
            traceID = ids.makeTraceID()
        }
        var isSampled = rule.includes(traceID)
        var traceState: TraceState
        if parentSpanID == nil {
            // The state of a parent that is not valid belongs to no trace.
            traceState = isSampled ? plan.rootState : TraceState()
        } else {
            traceState = parent.traceState
            if !traceState.isEmpty || rule.isThreshold {
                (isSampled, traceState) = rule.sample(traceID, inheriting: traceState)
            }
        }
        if !isSampled, let tailKeep, tailKeep.exports(traceID) {
            isSampled = true
            traceState = traceState.withoutThreshold
        }
        if isSampled { flags.insert(.sampled) }
        let context = SpanContext(traceID: traceID, spanID: ids.makeSpanID(), flags: flags, traceState: traceState)
        statistics.spanStarted(
            parentIsRemote: parentIsRemote,
            result: isSampled ? .recordAndSample : tailKeep == nil ? .drop : .recordOnly
        )
        guard isSampled || tailKeep != nil else {
            return (OTelSpan(context, baggage: parent.baggage, record: nil), nil)
        }
        let record = take()
        record.isSampled = isSampled
        record.data.context = context
        record.data.parentSpanID = parentSpanID
        record.data.parentIsRemote = parentIsRemote ?? false
        record.data.name = name
        record.data.kind = kind
        record.data.startTime = startTime ?? now()
        // Mostly the one of the record's last span already.
        if record.tracerNumber != tracer.number {
            record.tracerNumber = tracer.number
            record.data.scope = tracer.scope
        }
        copyBaggage(parent.baggage, to: record)
        return (OTelSpan(context, baggage: parent.baggage, record: record), record)
    }

    /// A span that records nothing and is nobody's parent: who comes next continues the caller's own context, as the
    /// trace API asks of a tracer without SDK.
    private func passingOn(_ parent: ActiveContext) -> OTelSpan {
        OTelSpan(parent.parent ?? .none, baggage: parent.baggage, record: nil)
    }
}
