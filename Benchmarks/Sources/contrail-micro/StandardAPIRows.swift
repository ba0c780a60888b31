internal import BenchHarness
internal import Dispatch
internal import Observability
internal import Tracing

/// T2: swift-distributed-tracing's `withSpan`, with our tracer or, with `--tracer noop`, with the one that does
/// nothing.
///
/// A process has one tracer for good, so the two are two runs of this program, which the driver interleaves.
func standardAPIRows(_ bench: Bench) {
    guard bench.wants("T2") else { return }
    let processor = makeBatchProcessor()
    let name = bench.options["tracer"] == "noop" ? "no-op tracer" : "contrail"
    if name == "contrail" {
        let tracer = TracerProvider(resource: benchResource, processor: processor).tracer("bench")
        InstrumentationSystem.bootstrap(DistributedTracer(tracer))
    }
    withSpan("parent") { _ in
        bench.measure("T2", name, most: 512, between: processor.drain) { operations in
            for _ in 0..<operations {
                withSpan("GET /orders/{id}", ofKind: .server) { Bench.keep($0) }
            }
        }
        bench.measure("T2", "\(name), 3 attributes", most: 512, between: processor.drain) { operations in
            for _ in 0..<operations {
                withSpan("GET /orders/{id}", ofKind: .server) { span in
                    span.updateAttributes { attributes in
                        attributes["http.request.method"] = "GET"
                        attributes["http.route"] = "/orders/{id}"
                        attributes["http.response.status_code"] = 200
                    }
                }
            }
        }
    }
    withExtendedLifetime(processor) {}
}

/// T2 again, with bodies that may suspend: what services write.
func standardAPIAsyncRows(_ bench: Bench) {
    guard bench.wants("T2"), bench.mode == .time else { return }
    let name = bench.options["tracer"] == "noop" ? "no-op tracer, async" : "contrail, async"
    let operations = 256
    let hasEnded = DispatchSemaphore(value: 0)
    // A program that measures has nothing else to do meanwhile.
    Task {
        var times: [UInt64] = []
        for _ in 0..<bench.repeats {
            let begin = Bench.now
            for _ in 0..<operations {
                await withSpan("GET /orders/{id}", ofKind: .server) { span in
                    await nothing()
                    Bench.keep(span)
                }
            }
            times.append(Bench.now - begin)
        }
        bench.report("T2", name, times, operations)
        hasEnded.signal()
    }
    hasEnded.wait()
}

@inline(never)
private func nothing() async {}
