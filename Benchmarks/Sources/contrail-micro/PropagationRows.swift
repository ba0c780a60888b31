internal import BenchHarness
internal import Observability

/// T4: new identifiers, written into a `traceparent` and read from it again; in bytes, as carriers that own bytes do, and
/// as text through the propagator.
func propagationRows(_ bench: Bench) {
    guard bench.wants("T4") else { return }
    let ids = IDGenerator()
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: TraceParent.byteCount) { header in
        bench.measure("T4", "contrail") { operations in
            for _ in 0..<operations {
                let parent = TraceParent(
                    traceID: ids.makeTraceID(),
                    spanID: ids.makeSpanID(),
                    flags: [.sampled, .random]
                )
                parent.write(into: header)
                Bench.keep(TraceParent(UnsafeBufferPointer(header)))
            }
        }
    }
    bench.measure("T4", "contrail, text through the propagator") { operations in
        for _ in 0..<operations {
            let context = SpanContext(
                traceID: ids.makeTraceID(),
                spanID: ids.makeSpanID(),
                flags: [.sampled, .random]
            )
            var carrier = ""
            W3CPropagator.inject(ActiveContext(spanContext: context)) { _, value in carrier = value }
            let extracted = W3CPropagator.extract { name in name == "traceparent" ? [carrier] : [] }
            Bench.keep(extracted)
        }
    }
    bench.measure("T4", "contrail, identifiers only") { operations in
        for _ in 0..<operations {
            Bench.keep(ids.makeTraceID())
            Bench.keep(ids.makeSpanID())
        }
    }
}
