/// What the standard `OTEL_*` variables say about tracing in this process.
///
/// Implements the OpenTelemetry environment variable specification: empty is unset, enums ignore case, and a wrong value
/// is reported and the default is used. The exporter's variables are read by the exporter.
public struct OTelConfiguration: Sendable, Hashable {
    /// Whether spans are made at all: `OTEL_SDK_DISABLED` and `OTEL_TRACES_EXPORTER=none` turn it off. Propagation
    /// stays on.
    public var isTracingEnabled = true
    /// `OTEL_TRACES_SAMPLER` with `OTEL_TRACES_SAMPLER_ARG`.
    public var sampler = Sampler.parentBased(root: .alwaysOn)
    /// `OTEL_BSP_*`.
    public var batch = BatchSpanProcessor.Configuration()
    /// `OTEL_SPAN_*_LIMIT`, `OTEL_ATTRIBUTE_*_LIMIT`.
    public var limits = SpanLimits()
    /// `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`.
    public var resourceAttributes = Attributes()
    /// The service's name, when the environment gives one.
    public var serviceName: String? {
        guard case .string(let name)? = resourceAttributes[SemanticConventions.serviceName] else { return nil }
        return name
    }

    /// What was wrong with the environment: the variable, its value, and what is used instead.
    public private(set) var problems: [String] = []

    /// Creates the defaults.
    public init() {}

    /// Reads the environment.
    ///
    /// - Parameter environment: The variables.
    public init(environment: [String: String]) {
        var reader = EnvironmentReader(environment)
        if reader.bool("OTEL_SDK_DISABLED", default: false) { isTracingEnabled = false }
        if let exporter = reader.choice("OTEL_TRACES_EXPORTER", of: ["otlp", "none"], fallback: "otlp"),
            exporter == "none"
        {
            isTracingEnabled = false
        }
        readSampler(&reader)
        readBatch(&reader)
        readLimits(&reader)
        readResource(&reader)
        problems = reader.problems
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

    private mutating func readBatch(_ reader: inout EnvironmentReader) {
        if let size = reader.integer("OTEL_BSP_MAX_QUEUE_SIZE", minimum: 1, fallback: batch.maximumQueueSize) {
            batch.maximumQueueSize = size
        }
        let defaultBatch = min(batch.maximumBatchSize, batch.maximumQueueSize)
        batch.maximumBatchSize = defaultBatch
        if let size = reader.integer("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", minimum: 1, fallback: defaultBatch) {
            if size <= batch.maximumQueueSize {
                batch.maximumBatchSize = size
            } else {
                reader.report(
                    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
                    "must not be larger than the queue (\(batch.maximumQueueSize)); using \(defaultBatch)"
                )
            }
        }
        if let delay = reader.integer("OTEL_BSP_SCHEDULE_DELAY", minimum: 0, fallback: 5000) {
            batch.scheduledDelay = .milliseconds(delay)
        }
        if let timeout = reader.integer("OTEL_BSP_EXPORT_TIMEOUT", minimum: 0, fallback: 30000) {
            // The specification's 0 is "no limit"; a day is as good and keeps arithmetic on deadlines simple.
            batch.exportTimeout = timeout == 0 ? .seconds(86400) : .milliseconds(timeout)
        }
    }

    private mutating func readLimits(_ reader: inout EnvironmentReader) {
        // The general name first, so that it is what a wrong special one falls back to.
        func count(_ names: [String], _ current: Int) -> Int {
            names.reduce(current) { reader.integer($1, minimum: 0, fallback: $0) ?? $0 }
        }
        limits.attributeCount = count(
            ["OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"],
            limits.attributeCount
        )
        limits.attributeValueLength = count(
            ["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"],
            limits.attributeValueLength ?? Int.max
        )
        limits.eventCount = count(["OTEL_SPAN_EVENT_COUNT_LIMIT"], limits.eventCount)
        limits.linkCount = count(["OTEL_SPAN_LINK_COUNT_LIMIT"], limits.linkCount)
        limits.eventAttributeCount = count(["OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"], limits.eventAttributeCount)
        limits.linkAttributeCount = count(["OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"], limits.linkAttributeCount)
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
}
