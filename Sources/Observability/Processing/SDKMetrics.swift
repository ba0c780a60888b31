extension MetricsRegistry {
    /// Shows what becomes of spans: the `otel.sdk.*` metrics of the conventions, and those of the tail.
    ///
    /// The sums agree at any time: spans that were started with the result `RECORD_AND_SAMPLE` are live, abandoned, or have
    /// arrived at the processor together with those that were kept later; what has arrived is queued, in flight, exported
    /// or lost with a reason. Read at the scrape, so that spans pay for nothing of it.
    ///
    /// - Parameters:
    ///   - provider: Whose spans.
    ///   - processor: What its sampled spans go through.
    public func registerSDKMetrics(of provider: TracerProvider, _ processor: BatchSpanProcessor?) {
        registerSpans(of: provider)
        if let processor {
            registerProcessor(processor)
            registerExporter(of: processor)
        }
        if let tail = provider.tailKeep { registerTail(tail) }
    }

    private func registerSpans(of provider: TracerProvider) {
        counter(
            "otel_sdk_span_started_total",
            help: "Spans that were started.",
            labels: ["otel_span_parent_origin", "otel_span_sampling_result"]
        ) { [weak provider] in
            (provider?.statistics.started ?? [:]).map {
                ObservedValue(Double($0.value), $0.key.parent.rawValue, $0.key.result.rawValue)
            }
        }
        gauge(
            "otel_sdk_span_live",
            help: "Recording spans that have not ended.",
            labels: ["otel_span_sampling_result"]
        ) { [weak provider] in
            guard let statistics = provider?.statistics else { return [] }
            return [.recordOnly, .recordAndSample].map {
                ObservedValue(Double(statistics.live($0)), $0.rawValue)
            }
        }
        counter(
            "contrail_span_abandoned_total",
            help: "Recording spans that nobody ended, a mistake of the code that started them.",
            labels: ["otel_span_sampling_result"]
        ) { [weak provider] in
            (provider?.statistics.abandoned ?? [:]).map { ObservedValue(Double($0.value), $0.key.rawValue) }
        }
    }

    private func registerProcessor(_ processor: BatchSpanProcessor) {
        let labels = ["otel_component_type", "otel_component_name"]
        let component = ["batching_span_processor", "batching_span_processor/0"]
        gauge(
            "otel_sdk_processor_span_queue_size",
            help: "Spans that wait for their export.",
            labels: labels
        ) { [weak processor] in
            processor.map { [ObservedValue(Double($0.statistics.queued), labels: component)] } ?? []
        }
        gauge(
            "otel_sdk_processor_span_queue_capacity",
            help: "Spans that may wait for their export.",
            labels: labels
        ) { [weak processor] in
            processor.map { [ObservedValue(Double($0.queueCapacity), labels: component)] } ?? []
        }
        counter(
            "otel_sdk_processor_span_processed_total",
            help: "Spans that left the processor, by why they were dropped.",
            labels: labels + ["error_type"]
        ) { [weak processor] in
            guard let statistics = processor?.statistics else { return [] }
            let lost = statistics.droppedQueueFull + statistics.droppedAfterShutdown
            return [
                ("", statistics.received - lost - statistics.queued),
                ("queue_full", statistics.droppedQueueFull),
                ("already_shutdown", statistics.droppedAfterShutdown),
            ].map { ObservedValue(Double($0.1), labels: component + [$0.0]) }
        }
    }

    private func registerExporter(of processor: BatchSpanProcessor) {
        let labels = ["server_address", "server_port", "otel_component_type", "otel_component_name"]
        let server = processor.server
        let component = [
            server?.address ?? "", server?.port ?? "", "otlp_http_span_exporter", "otlp_http_span_exporter/0",
        ]
        gauge(
            "otel_sdk_exporter_span_inflight",
            help: "Spans that are being exported.",
            labels: labels
        ) { [weak processor] in
            processor.map { [ObservedValue(Double($0.statistics.inFlight), labels: component)] } ?? []
        }
        counter(
            "otel_sdk_exporter_span_exported_total",
            help: "Spans whose export has ended, by why it failed.",
            labels: labels + ["error_type"]
        ) { [weak processor] in
            guard let statistics = processor?.statistics else { return [] }
            return ([("", statistics.exported)] + statistics.failed.map { ($0.key, $0.value) })
                .map { ObservedValue(Double($0.1), labels: component + [$0.0]) }
        }
    }

    private func registerTail(_ tail: TailKeep) {
        gauge("contrail_trace_tail_held_spans", help: "Unsampled spans that are held for a verdict.") { [weak tail] in
            tail.map { Double($0.statistics.heldSpans) }
        }
        gauge("contrail_trace_tail_held_bytes", help: "Estimated memory of the spans that are held.", unit: .bytes) {
            [weak tail] in tail.map { Double($0.statistics.heldBytes) }
        }
        gauge(
            "contrail_trace_tail_oldest_timestamp_seconds",
            help: "When the oldest trace that is held arrived: how far back a verdict can reach.",
            unit: .seconds
        ) { [weak tail] in
            tail?.statistics.oldest.map { Double($0) / 1e9 }
        }
        counter(
            "contrail_trace_tail_spans_total",
            help:
                "Unsampled spans that were exported after all, made room for newer ones, or were too many of a trace.",
            labels: ["outcome"]
        ) { [weak tail] in
            guard let statistics = tail?.statistics else { return [] }
            return [
                ObservedValue(Double(statistics.promotedSpans), "promoted"),
                ObservedValue(Double(statistics.evictedSpans), "evicted"),
                ObservedValue(Double(statistics.exceedingSpans), "exceeding"),
            ]
        }
        counter(
            "contrail_trace_kept_total",
            help: "Unsampled traces that turned out to matter and were kept.",
            labels: ["reason"]
        ) { [weak tail] in
            guard let kept = tail?.statistics.keptTraces else { return [] }
            return TailKeep.Reason.allCases.map { ObservedValue(Double(kept[$0] ?? 0), $0.rawValue) }
        }
        counter(
            "contrail_trace_keep_refused_total",
            help: "Traces that mattered but were too many in a short time to be kept."
        ) { [weak tail] in
            tail.map { Double($0.statistics.refusedTraces) }
        }
    }
}
