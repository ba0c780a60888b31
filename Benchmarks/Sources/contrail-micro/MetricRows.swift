internal import BenchHarness
internal import Observability

/// M1: a counter, alone and with a second thread on the same one.
func counterRows(_ bench: Bench) {
    guard bench.wants("M1") else { return }
    let registry = MetricsRegistry()
    let counter = registry.counter("bench_events", help: "Events.")
    bench.measure("M1", "contrail", most: 8192) { operations in
        for _ in 0..<operations { counter.increment() }
    }
    bench.measureContended("M1", "contrail, 2 threads") { operations in
        for _ in 0..<operations { counter.increment() }
    }
    let family = registry.counter("bench_requests", help: "Requests.", labels: ["method", "status"])
    _ = family.labels("GET", "200")
    bench.measure("M1", "contrail, with a look-up of 2 labels", most: 2048) { operations in
        for _ in 0..<operations { family.labels("GET", "200").increment() }
    }
}

/// M2: a histogram with the eleven default bounds of client_golang.
func histogramRows(_ bench: Bench) {
    guard bench.wants("M2") else { return }
    let histogram = MetricsRegistry().histogram(
        "bench_duration",
        help: "Durations.",
        unit: .seconds,
        buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    )
    // A value in the sixth bucket, as all peers observe it: the middle of a search.
    bench.measure("M2", "contrail", most: 8192) { operations in
        for _ in 0..<operations { histogram.observe(0.12) }
    }
    bench.measureContended("M2", "contrail, 2 threads") { operations in
        for _ in 0..<operations { histogram.observe(0.12) }
    }
}

/// M3: the exposition of 10,000 counters with two labels; of a tenth and of ten times as many, which shows that the
/// time grows with the number only.
func scrapeRows(_ bench: Bench) {
    guard bench.wants("M3") else { return }
    for (series, label) in [(10_000, ""), (1000, ", 1,000 series"), (100_000, ", 100,000 series")] {
        if series == 100_000, bench.mode != .time { continue }
        let registry = MetricsRegistry(seriesLimit: 200_000)
        let family = registry.counter("bench_requests", help: "Requests.", labels: ["method", "path"])
        for index in 0..<series {
            family.labels(index.isMultiple(of: 2) ? "GET" : "POST", "/orders/\(index)").increment(by: index * 977)
        }
        bench.measure("M3", "contrail\(label)", most: 1) { operations in
            for _ in 0..<operations { registry.withExposition(.prometheusText) { Bench.keep($0.count) } }
        }
        if bench.mode == .time {
            bench.emit(
                "M3",
                "contrail\(label), size",
                ["bytes": Double(registry.withExposition(.prometheusText, \.count))]
            )
        }
    }
}
