internal import Logging

extension OTelConfiguration {
    /// Reads the environment.
    ///
    /// - Parameter environment: The variables.
    public init(environment: [String: String]) {
        self.init()
        var reader = EnvironmentReader(environment)
        isDisabled = reader.bool("OTEL_SDK_DISABLED", default: false)
        readExporters(&reader)
        readPropagation(&reader)
        readSampler(&reader)
        readSpanBatch(&reader)
        readLogBatch(&reader)
        readLimits(&reader)
        readResource(&reader)
        readLogLevel(&reader)
        Self.reportUnused(&reader)
        problems = reader.problems
    }

    private mutating func readExporters(_ reader: inout EnvironmentReader) {
        func exporters<Exporter: RawRepresentable<String> & CaseIterable>(
            _ name: String,
            _ current: Set<Exporter>
        ) -> Set<Exporter> {
            let fallback = current.map(\.rawValue).sorted().joined(separator: ",")
            let names = reader.list(name, of: Exporter.allCases.map(\.rawValue), fallback: fallback)
            return names.map { Set($0.compactMap(Exporter.init(rawValue:))) } ?? current
        }
        tracesExporters = exporters("OTEL_TRACES_EXPORTER", tracesExporters)
        metricsExporters = exporters("OTEL_METRICS_EXPORTER", metricsExporters)
        logsExporters = exporters("OTEL_LOGS_EXPORTER", logsExporters)
        let filter = reader.choice(
            "OTEL_METRICS_EXEMPLAR_FILTER",
            of: ["trace_based", "always_on", "always_off"],
            fallback: exemplarFilter.rawValue
        )
        if let filter = filter.flatMap(ExemplarFilter.init(rawValue:)) { exemplarFilter = filter }
    }

    private mutating func readPropagation(_ reader: inout EnvironmentReader) {
        let known: [String: Propagators] = ["tracecontext": .traceContext, "baggage": .baggage]
        let names = reader.list(
            "OTEL_PROPAGATORS",
            of: ["tracecontext", "baggage"],
            fallback: "tracecontext,baggage"
        )
        if let names { propagators = Propagators(names.compactMap { known[$0] }) }
        if let list = reader.value("OTEL_SWIFT_BAGGAGE_ALLOW_LIST") {
            baggageAllowList = BaggageAllowList(
                list.split(separator: ",").map { String($0.trimmingOWS()) }.filter { !$0.isEmpty }
            )
        }
    }

    private mutating func readSampler(_ reader: inout EnvironmentReader) {
        let name = reader.choice(
            "OTEL_TRACES_SAMPLER",
            of: [
                "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
                "parentbased_traceidratio",
            ],
            fallback: "parentbased_always_on"
        )
        switch name {
        case "always_on": sampler = .alwaysOn
        case "always_off": sampler = .alwaysOff
        case "traceidratio": sampler = .traceIDRatio(reader.ratio("OTEL_TRACES_SAMPLER_ARG"))
        case "parentbased_always_off": sampler = .parentBased(root: .alwaysOff)
        case "parentbased_traceidratio":
            sampler = .parentBased(root: .traceIDRatio(reader.ratio("OTEL_TRACES_SAMPLER_ARG")))
        default: break
        }
    }

    private mutating func readSpanBatch(_ reader: inout EnvironmentReader) {
        let sizes = Self.sizes(
            &reader,
            "OTEL_BSP",
            queue: batch.maximumQueueSize,
            largestQueue: BatchSpanProcessor.Configuration.queueSizeLimit,
            batch: batch.maximumBatchSize
        )
        batch.maximumQueueSize = sizes.queue
        batch.maximumBatchSize = sizes.batch
        if let delay = Self.delay(&reader, "OTEL_BSP", batch.scheduledDelay) { batch.scheduledDelay = delay }
        if let timeout = Self.timeout(&reader, "OTEL_BSP", batch.exportTimeout) { batch.exportTimeout = timeout }
    }

    private mutating func readLogBatch(_ reader: inout EnvironmentReader) {
        let sizes = Self.sizes(
            &reader,
            "OTEL_BLRP",
            queue: logBatch.maximumQueueSize,
            batch: logBatch.maximumBatchSize
        )
        logBatch.maximumQueueSize = sizes.queue
        logBatch.maximumBatchSize = sizes.batch
        if let delay = Self.delay(&reader, "OTEL_BLRP", logBatch.scheduledDelay) { logBatch.scheduledDelay = delay }
        if let timeout = Self.timeout(&reader, "OTEL_BLRP", logBatch.exportTimeout) {
            logBatch.exportTimeout = timeout
        }
    }

    private static func sizes(
        _ reader: inout EnvironmentReader,
        _ prefix: String,
        queue: Int,
        largestQueue: Int? = nil,
        batch: Int
    ) -> (queue: Int, batch: Int) {
        let name = "\(prefix)_MAX_QUEUE_SIZE"
        let queue = reader.integer(name, minimum: 1, maximum: largestQueue, fallback: queue) ?? queue
        let fallback = min(batch, queue)
        let batchName = "\(prefix)_MAX_EXPORT_BATCH_SIZE"
        guard let size = reader.integer(batchName, minimum: 1, fallback: fallback) else { return (queue, fallback) }
        if size <= queue { return (queue, size) }
        reader.report(batchName, "must not be larger than the queue (\(queue)); using \(fallback)")
        return (queue, fallback)
    }

    private static func delay(
        _ reader: inout EnvironmentReader,
        _ prefix: String,
        _ current: Duration
    ) -> Duration? {
        reader.integer("\(prefix)_SCHEDULE_DELAY", minimum: 0, fallback: Int(current / .milliseconds(1)))
            .map { .milliseconds($0) }
    }

    private static func timeout(
        _ reader: inout EnvironmentReader,
        _ prefix: String,
        _ current: Duration
    ) -> Duration? {
        reader.integer("\(prefix)_EXPORT_TIMEOUT", minimum: 0, fallback: Int(current / .milliseconds(1)))
            // The specification's 0 is "no limit"; a day is as good and keeps arithmetic on deadlines simple.
            .map { $0 == 0 ? .seconds(86400) : .milliseconds($0) }
    }

    private mutating func readLimits(_ reader: inout EnvironmentReader) {
        // A special variable that is set wins, then the general one, then the special default. The general one comes
        // first here, so that it is what a wrong special one falls back to.
        func count(_ name: String, _ general: Int?, _ current: Int) -> Int {
            let fallback = general ?? current
            return reader.integer(name, minimum: 0, fallback: fallback) ?? fallback
        }
        let attributes = reader.integer("OTEL_ATTRIBUTE_COUNT_LIMIT", minimum: 0, fallback: limits.attributeCount)
        let length = reader.integer(
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            minimum: 0,
            fallback: limits.attributeValueLength ?? Int.max
        )
        limits.attributeCount = count("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", attributes, limits.attributeCount)
        limits.attributeValueLength = count(
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            length,
            limits.attributeValueLength ?? Int.max
        )
        limits.eventCount = count("OTEL_SPAN_EVENT_COUNT_LIMIT", nil, limits.eventCount)
        limits.linkCount = count("OTEL_SPAN_LINK_COUNT_LIMIT", nil, limits.linkCount)
        limits.eventAttributeCount = count("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", nil, limits.eventAttributeCount)
        limits.linkAttributeCount = count("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", nil, limits.linkAttributeCount)
        logLimits.attributeCount = count(
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            attributes,
            logLimits.attributeCount
        )
        logLimits.attributeValueLength = count(
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            length,
            logLimits.attributeValueLength ?? Int.max
        )
    }

    private mutating func readResource(_ reader: inout EnvironmentReader) {
        if let text = reader.value("OTEL_RESOURCE_ATTRIBUTES") {
            if let attributes = Self.resourceAttributes(text) {
                resourceAttributes = attributes
            } else {
                // One malformed pair discards the whole variable (resource SDK).
                reader.report("OTEL_RESOURCE_ATTRIBUTES", "must be key=value pairs with commas between; it is ignored")
            }
        }
        if let name = reader.value("OTEL_SERVICE_NAME") {
            resourceAttributes[SemanticConventions.serviceName] = .string(name)
        }
    }

    private static func resourceAttributes(_ text: String) -> Attributes? {
        var attributes = Attributes()
        for pair in text.split(separator: ",") {
            let sides = pair.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, let key = PercentEncoding.decodeStrictly(sides[0].trimmingOWS()), !key.isEmpty,
                let value = PercentEncoding.decodeStrictly(sides[1].trimmingOWS())
            else { return nil }
            attributes[key] = .string(value)
        }
        return attributes
    }

    private mutating func readLogLevel(_ reader: inout EnvironmentReader) {
        guard let name = reader.value("OTEL_LOG_LEVEL") else { return }
        if let level = Logger.Level(name: name) {
            logLevel = level
        } else {
            let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            reader.report("OTEL_LOG_LEVEL", "must be one of \(names); using \(logLevel)")
        }
    }
}
