import Observability
import Testing

@Suite("OpenTelemetry environment")
struct OTelConfigurationTests {
    /// The configuration with its problems taken out, to compare with another one.
    private func settings(_ environment: [String: String], sourceLocation: SourceLocation = #_sourceLocation)
        -> OTelConfiguration
    {
        let configuration = OTelConfiguration(environment: environment)
        #expect(configuration.problems == [], sourceLocation: sourceLocation)
        return configuration
    }

    /// The only problem of an environment whose variable is wrong.
    private func problem(_ name: String, _ value: String, sourceLocation: SourceLocation = #_sourceLocation) throws
        -> String
    {
        let problems = OTelConfiguration(environment: [name: value]).problems
        try #require(problems.count == 1, "\(problems)", sourceLocation: sourceLocation)
        return problems[0]
    }

    @Test("an empty environment and empty variables give the defaults")
    func defaults() {
        let names = [
            "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG",
            "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY",
            "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_RESOURCE_ATTRIBUTES",
            "OTEL_SERVICE_NAME",
        ]
        let configuration = settings(Dictionary(uniqueKeysWithValues: names.map { ($0, " ") }))
        #expect(configuration == settings([:]))
        #expect(configuration == OTelConfiguration())
        #expect(configuration.isTracingEnabled)
        #expect(configuration.sampler == .parentBased(root: .alwaysOn))
        #expect(configuration.batch.maximumQueueSize == 2048)
        #expect(configuration.batch.maximumBatchSize == 512)
        #expect(configuration.batch.scheduledDelay == .seconds(5))
        #expect(configuration.batch.exportTimeout == .seconds(30))
        #expect(configuration.limits == SpanLimits())
        #expect(configuration.serviceName == nil)
    }

    @Test("only true, in any case, disables the SDK")
    func disabled() throws {
        #expect(!settings(["OTEL_SDK_DISABLED": "true"]).isTracingEnabled)
        #expect(!settings(["OTEL_SDK_DISABLED": " TrUe "]).isTracingEnabled)
        #expect(settings(["OTEL_SDK_DISABLED": "FALSE"]).isTracingEnabled)
        #expect(OTelConfiguration(environment: ["OTEL_SDK_DISABLED": "1"]).isTracingEnabled)
        #expect(try problem("OTEL_SDK_DISABLED", "1") == "OTEL_SDK_DISABLED=1 must be true or false; using false")
    }

    @Test("the exporter may be none")
    func exporter() throws {
        #expect(!settings(["OTEL_TRACES_EXPORTER": "None"]).isTracingEnabled)
        #expect(settings(["OTEL_TRACES_EXPORTER": "OTLP"]).isTracingEnabled)
        #expect(OTelConfiguration(environment: ["OTEL_TRACES_EXPORTER": "zipkin"]).isTracingEnabled)
        #expect(
            try problem("OTEL_TRACES_EXPORTER", "zipkin")
                == "OTEL_TRACES_EXPORTER=zipkin must have names of otlp, console with commas between, or be none; using otlp"
        )
    }

    @Test(
        "every sampler is known by its name in any case",
        arguments: [
            ("always_on", .alwaysOn), ("ALWAYS_OFF", .alwaysOff), ("traceidratio", .traceIDRatio(1)),
            ("parentbased_always_on", .parentBased(root: .alwaysOn)),
            ("parentbased_always_off", .parentBased(root: .alwaysOff)),
            ("ParentBased_TraceIdRatio", .parentBased(root: .traceIDRatio(1))),
        ] as [(String, Sampler)]
    )
    func samplers(name: String, sampler: Sampler) {
        #expect(settings(["OTEL_TRACES_SAMPLER": name]).sampler == sampler)
    }

    @Test("the sampler's argument is the ratio; it is ignored without a sampler")
    func samplerArgument() {
        func sampler(_ name: String, _ argument: String) -> Sampler {
            settings(["OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument]).sampler
        }
        #expect(sampler("traceidratio", "0.25") == .traceIDRatio(0.25))
        #expect(sampler("traceidratio", "0") == .traceIDRatio(0))
        #expect(sampler("parentbased_traceidratio", "1e-3") == .parentBased(root: .traceIDRatio(0.001)))
        #expect(sampler("always_on", "nonsense") == .alwaysOn)
        #expect(settings(["OTEL_TRACES_SAMPLER_ARG": "0.5"]).sampler == .parentBased(root: .alwaysOn))
    }

    @Test("a wrong ratio is reported and one is used", arguments: ["1.5", "-0.1", "half", "nan", "inf"])
    func wrongRatio(argument: String) {
        let configuration = OTelConfiguration(
            environment: ["OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": argument]
        )
        #expect(configuration.sampler == .traceIDRatio(1))
        #expect(configuration.problems == ["OTEL_TRACES_SAMPLER_ARG=\(argument) must be a number from 0 to 1; using 1"])
    }

    @Test("an unknown sampler is reported and the default is used")
    func unknownSampler() throws {
        let text = try problem("OTEL_TRACES_SAMPLER", "jaeger_remote")
        #expect(text.hasPrefix("OTEL_TRACES_SAMPLER=jaeger_remote must be one of "))
        #expect(text.hasSuffix("; using parentbased_always_on"))
        #expect(
            OTelConfiguration(environment: ["OTEL_TRACES_SAMPLER": "jaeger_remote"]).sampler
                == .parentBased(root: .alwaysOn)
        )
    }

    @Test("the batch processor's variables are read")
    func batch() {
        let batch = settings([
            "OTEL_BSP_MAX_QUEUE_SIZE": "100", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "100", "OTEL_BSP_SCHEDULE_DELAY": "0",
            "OTEL_BSP_EXPORT_TIMEOUT": "1500",
        ]).batch
        #expect(batch.maximumQueueSize == 100)
        #expect(batch.maximumBatchSize == 100)
        #expect(batch.scheduledDelay == .zero)
        #expect(batch.exportTimeout == .milliseconds(1500))
        // No limit.
        #expect(settings(["OTEL_BSP_EXPORT_TIMEOUT": "0"]).batch.exportTimeout >= .seconds(3600))
    }

    @Test("a batch is never larger than the queue")
    func batchAndQueue() {
        #expect(settings(["OTEL_BSP_MAX_QUEUE_SIZE": "10"]).batch.maximumBatchSize == 10)
        let wrong = OTelConfiguration(
            environment: ["OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "11"]
        )
        #expect(wrong.batch.maximumBatchSize == 10)
        #expect(
            wrong.problems == ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE=11 must not be larger than the queue (10); using 10"]
        )
    }

    @Test(
        "a wrong number is reported with its name, its value and what is used",
        arguments: [
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0", 1, "2048"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-5", 1, "512"),
            ("OTEL_BSP_SCHEDULE_DELAY", "5s", 0, "5000"), ("OTEL_BSP_EXPORT_TIMEOUT", "1.5", 0, "30000"),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many", 0, "128"), ("OTEL_ATTRIBUTE_COUNT_LIMIT", "-1", 0, "128"),
            ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "2147483648", 0, "4096"),
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "0x10", 0, "4096"), ("OTEL_SPAN_EVENT_COUNT_LIMIT", "a", 0, "128"),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", "a", 0, "128"), ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "a", 0, "128"),
            ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "99999999999999999999", 0, "128"),
        ]
    )
    func wrongNumbers(name: String, value: String, minimum: Int, used: String) throws {
        // The places of a queue of spans are made at the start.
        let maximum = name == "OTEL_BSP_MAX_QUEUE_SIZE" ? 1_048_576 : 2_147_483_647
        #expect(
            try problem(name, value)
                == "\(name)=\(value) must be a whole number from \(minimum) to \(maximum); using \(used)"
        )
        let configuration = OTelConfiguration(environment: [name: value])
        #expect(configuration.batch == OTelConfiguration().batch)
        #expect(configuration.limits == SpanLimits())
    }

    @Test("the limits' variables are read, the special ones before the general ones")
    func limits() {
        let limits = settings([
            "OTEL_ATTRIBUTE_COUNT_LIMIT": "10", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "11",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "12", "OTEL_SPAN_EVENT_COUNT_LIMIT": "13",
            "OTEL_SPAN_LINK_COUNT_LIMIT": "14", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "15",
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "0",
        ]).limits
        #expect(limits.attributeCount == 11)
        #expect(limits.attributeValueLength == 12)
        #expect(limits.eventCount == 13)
        #expect(limits.linkCount == 14)
        #expect(limits.eventAttributeCount == 15)
        #expect(limits.linkAttributeCount == 0)
        #expect(settings(["OTEL_ATTRIBUTE_COUNT_LIMIT": "10"]).limits.attributeCount == 10)
    }

    @Test("a wrong special limit falls back to the general one, and the report says so")
    func wrongSpecialLimit() {
        let configuration = OTelConfiguration(
            environment: ["OTEL_ATTRIBUTE_COUNT_LIMIT": "10", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "x"]
        )
        #expect(configuration.limits.attributeCount == 10)
        #expect(
            configuration.problems == [
                "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=x must be a whole number from 0 to 2147483647; using 10"
            ]
        )
    }

    @Test("resource attributes are percent-decoded")
    func resource() {
        let attributes = settings([
            "OTEL_RESOURCE_ATTRIBUTES":
                "service.name=orders, deployment.environment.name = test ,k=a%2Cb%3D%25,e%20f=%C3%A9,"
        ]).resourceAttributes
        #expect(
            attributes == [
                "service.name": "orders", "deployment.environment.name": "test", "k": "a,b=%", "e f": "é",
            ]
        )
    }

    @Test(
        "one malformed pair discards all resource attributes",
        arguments: [
            "a=1,b", "a=1,=2", "a=1,b=2=3", "a=1,b=%", "a=1,b=%4", "a=1,b=%zz", "a=1,%2=b", "a=1,b=%FF", "a=1,%FF=b",
        ]
    )
    func malformedResource(text: String) {
        let configuration = OTelConfiguration(
            environment: ["OTEL_RESOURCE_ATTRIBUTES": text, "OTEL_SERVICE_NAME": "orders"]
        )
        #expect(configuration.resourceAttributes == ["service.name": "orders"])
        #expect(configuration.problems.count == 1)
        #expect(configuration.problems.first?.hasPrefix("OTEL_RESOURCE_ATTRIBUTES=\(text) ") == true)
        #expect(configuration.problems.first?.contains("ignored") == true)
    }

    @Test("the service's name has a variable of its own, which wins")
    func serviceName() {
        #expect(settings(["OTEL_SERVICE_NAME": "a"]).serviceName == "a")
        #expect(settings(["OTEL_RESOURCE_ATTRIBUTES": "service.name=b"]).serviceName == "b")
        #expect(
            settings(["OTEL_RESOURCE_ATTRIBUTES": "service.name=b", "OTEL_SERVICE_NAME": "a"]).serviceName == "a"
        )
    }

    @Test("all problems of an environment are reported")
    func allProblems() {
        let configuration = OTelConfiguration(
            environment: ["OTEL_SDK_DISABLED": "x", "OTEL_BSP_MAX_QUEUE_SIZE": "x", "OTEL_RESOURCE_ATTRIBUTES": "x"]
        )
        #expect(configuration.problems.count == 3)
    }
}
