extension TraceStore {
    /// Spans with one resource and one scope.
    struct Group {
        var resource: OTLPResource
        var resourceSchema: String
        var scope: OTLPInstrumentationScope
        var scopeSchema: String
        var spans: [OTLPSpan] = []

        func isSameSource(as other: Group) -> Bool {
            resource == other.resource && scope == other.scope && resourceSchema == other.resourceSchema
                && scopeSchema == other.scopeSchema
        }

        var service: String {
            resource.attributes.last { $0.key == "service.name" }?.value.stringValue ?? "unknown_service"
        }
    }

    /// The spans of a request by trace, made before the lock is taken.
    struct Batch {
        var traces: [TraceKey: [Group]] = [:]
        var invalidIDs = 0

        init(_ request: OTLPExportTraceServiceRequest) {
            for resourceSpans in request.resourceSpans {
                for scopeSpans in resourceSpans.scopeSpans {
                    var byTrace: [TraceKey: [OTLPSpan]] = [:]
                    for span in scopeSpans.spans {
                        if let key = TraceKey(span.traceID), span.key != nil {
                            byTrace[key, default: []].append(span)
                        } else {
                            invalidIDs += 1
                        }
                    }
                    for (key, spans) in byTrace {
                        traces[key, default: []].append(
                            Group(
                                resource: resourceSpans.resource,
                                resourceSchema: resourceSpans.schemaURL,
                                scope: scopeSpans.scope,
                                scopeSchema: scopeSpans.schemaURL,
                                spans: spans
                            )
                        )
                    }
                }
            }
        }
    }

    /// One trace as it is kept: the messages as they came, grouped by their source.
    struct StoredTrace {
        var groups: [Group] = []
        var spanIDs: Set<UInt64> = []
        var services: Set<String> = []
        var start = UInt64.max
        var bytes = 0
        /// The number of the last update; see ``Updates``.
        var updated = 0

        var resourceSpans: [OTLPJSON.ResourceSpans] {
            groups.map { group in
                var scopeSpans = OTLPScopeSpans()
                scopeSpans.scope = group.scope
                scopeSpans.schemaURL = group.scopeSchema
                scopeSpans.spans = group.spans
                var resourceSpans = OTLPResourceSpans()
                resourceSpans.resource = group.resource
                resourceSpans.schemaURL = group.resourceSchema
                resourceSpans.scopeSpans = [scopeSpans]
                return OTLPJSON.ResourceSpans(resourceSpans)
            }
        }

        /// Adds spans and returns how many bytes the trace grew.
        mutating func add(_ group: Group, limit: Int, result: inout InsertResult) -> Int {
            var kept: [OTLPSpan] = []
            var growth = 0
            for span in group.spans {
                guard let id = span.key else { continue }
                if spanIDs.contains(id) {
                    result.duplicates += 1
                } else if spanIDs.count >= limit {
                    result.overTraceLimit += 1
                } else {
                    spanIDs.insert(id)
                    kept.append(span)
                    growth += span.estimatedBytes
                    start = min(start, span.startTimeUnixNano)
                }
            }
            result.accepted += kept.count
            guard !kept.isEmpty else { return 0 }
            if let index = groups.firstIndex(where: { $0.isSameSource(as: group) }) {
                groups[index].spans += kept
            } else {
                growth += 256 + group.resource.attributes.estimatedBytes + group.scope.attributes.estimatedBytes
                var first = group
                first.spans = kept
                groups.append(first)
                services.insert(group.service)
            }
            bytes += growth
            return growth
        }
    }

    /// The order of updates: a queue in which only a trace's newest entry counts.
    ///
    /// That makes both an update and an eviction constant time on average; older entries are skipped at the front and
    /// swept out when they are more than half of the queue.
    struct Updates {
        private var entries: [(key: TraceKey, number: Int)] = []
        private var first = 0
        private var next = 0

        mutating func append(_ key: TraceKey) -> Int {
            next += 1
            entries.append((key, next))
            return next
        }

        mutating func popFirst() -> (key: TraceKey, number: Int)? {
            guard first < entries.count else { return nil }
            defer { first += 1 }
            return entries[first]
        }

        mutating func sweep(live: Int, isCurrent: (TraceKey, Int) -> Bool) {
            guard entries.count > 2 * live + 64 else { return }
            entries = entries[first...].filter { isCurrent($0.key, $0.number) }
            first = 0
        }
    }

    struct State {
        var traces: [TraceKey: StoredTrace] = [:]
        var statistics = Statistics()
        private var updates = Updates()

        /// Adds a batch and takes out what no longer fits; the caller frees that after unlocking.
        mutating func insert(_ batch: Batch, limits: Limits) -> (InsertResult, evicted: [StoredTrace]) {
            var result = InsertResult()
            result.invalidIDs = batch.invalidIDs
            for (key, groups) in batch.traces {
                for group in groups {
                    let growth = traces[key, default: StoredTrace()]
                        .add(group, limit: limits.spansPerTrace, result: &result)
                    statistics.bytes += growth
                }
                traces[key]?.updated = updates.append(key)
            }
            statistics.acceptedSpans += result.accepted
            statistics.duplicateSpans += result.duplicates
            statistics.rejectedSpans += result.rejected
            statistics.spans += result.accepted
            let evicted = evict(limits)
            statistics.traces = traces.count
            updates.sweep(live: traces.count) { traces[$0]?.updated == $1 }
            return (result, evicted)
        }

        private mutating func evict(_ limits: Limits) -> [StoredTrace] {
            var evicted: [StoredTrace] = []
            while statistics.spans > limits.spans || statistics.bytes > limits.bytes {
                guard let (key, number) = updates.popFirst() else { break }
                guard traces[key]?.updated == number, let trace = traces.removeValue(forKey: key) else { continue }
                statistics.spans -= trace.spanIDs.count
                statistics.bytes -= trace.bytes
                statistics.evictedTraces += 1
                statistics.evictedSpans += trace.spanIDs.count
                evicted.append(trace)
            }
            return evicted
        }
    }
}
