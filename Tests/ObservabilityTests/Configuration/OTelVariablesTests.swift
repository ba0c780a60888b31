import Foundation
import Logging
import Testing

@testable import Observability

/// Every variable: unset, empty, right and wrong.
@Suite("OpenTelemetry variables")
struct OTelVariablesTests {
    struct Variable: Sendable, CustomTestStringConvertible {
        let name: String
        /// Values with what they must do, compared with the defaults.
        let right: [(value: String, expected: @Sendable (inout OTelConfiguration) -> Void)]
        /// Values that are reported.
        let wrong: [String]
        /// What a report of a wrong value says is used.
        let used: String
        /// Other variables that have to be set for this one to matter.
        var beside: [String: String] = [:]

        var testDescription: String { name }
    }

    private static func number(
        _ name: String,
        _ path: any WritableKeyPath<OTelConfiguration, Int> & Sendable,
        minimum: Int = 0,
        maximum: Int = 2_147_483_647,
        used: String
    ) -> Variable {
        Variable(
            name: name,
            right: [
                ("7", { $0[keyPath: path] = 7 }), (" \(maximum) ", { $0[keyPath: path] = maximum }),
                ("\(minimum)", { $0[keyPath: path] = minimum }),
            ],
            wrong: ["-1", "x", "1.5", "2147483648", "0x10", "1 2"] + (minimum > 0 ? ["0"] : []),
            used: used
        )
    }

    private static func length(
        _ name: String,
        _ paths: [any WritableKeyPath<OTelConfiguration, Int?> & Sendable]
    ) -> Variable {
        Variable(
            name: name,
            right: [("12", { for path in paths { $0[keyPath: path] = 12 } })],
            wrong: ["-1", "long"],
            used: "4096"
        )
    }

    private static func milliseconds(
        _ name: String,
        _ path: any WritableKeyPath<OTelConfiguration, Duration> & Sendable,
        zero: Duration,
        used: String
    ) -> Variable {
        Variable(
            name: name,
            right: [
                ("250", { $0[keyPath: path] = .milliseconds(250) }), ("0", { $0[keyPath: path] = zero }),
            ],
            wrong: ["-1", "5s", "1e3"],
            used: used
        )
    }

    static let variables: [Variable] = [
        Variable(
            name: "OTEL_SDK_DISABLED",
            right: [
                ("true", { $0.isDisabled = true }), ("TRUE", { $0.isDisabled = true }), ("False", { _ in }),
            ],
            wrong: ["1", "yes", "on"],
            used: "false"
        ),
        Variable(
            name: "OTEL_TRACES_EXPORTER",
            right: [
                ("otlp", { _ in }), ("Console", { $0.tracesExporters = [.console] }),
                ("none", { $0.tracesExporters = [] }),
                ("otlp , console,otlp", { $0.tracesExporters = [.otlp, .console] }),
            ],
            wrong: ["zipkin", "otlp,zipkin", "otlp,none", ","],
            used: "otlp"
        ),
        Variable(
            name: "OTEL_METRICS_EXPORTER",
            right: [("prometheus", { _ in }), ("NONE", { $0.metricsExporters = [] })],
            wrong: ["otlp", "console", "prometheus,otlp"],
            used: "prometheus"
        ),
        Variable(
            name: "OTEL_LOGS_EXPORTER",
            right: [
                ("otlp", { $0.logsExporters = [.otlp] }), ("console", { _ in }), ("none", { $0.logsExporters = [] }),
                ("console,otlp", { $0.logsExporters = [.otlp, .console] }),
            ],
            wrong: ["file", "none,console"],
            used: "console"
        ),
        Variable(
            name: "OTEL_METRICS_EXEMPLAR_FILTER",
            right: [
                ("always_on", { $0.exemplarFilter = .alwaysOn }), ("ALWAYS_OFF", { $0.exemplarFilter = .alwaysOff }),
                ("trace_based", { _ in }),
            ],
            wrong: ["true", "trace"],
            used: "trace_based"
        ),
        Variable(
            name: "OTEL_PROPAGATORS",
            right: [
                ("tracecontext", { $0.propagators = .traceContext }), ("Baggage", { $0.propagators = .baggage }),
                ("baggage,tracecontext,baggage", { _ in }), ("none", { $0.propagators = [] }),
            ],
            wrong: ["b3", "b3multi,jaeger", "tracecontext,b3,baggage"],
            used: "tracecontext,baggage"
        ),
        Variable(
            name: "OTEL_SWIFT_BAGGAGE_ALLOW_LIST",
            right: [("tenant, channel", { $0.baggageAllowList = BaggageAllowList(["tenant", "channel"]) })],
            wrong: [],
            used: ""
        ),
        Variable(
            name: "OTEL_TRACES_SAMPLER",
            right: [
                ("always_on", { $0.sampler = .alwaysOn }), ("always_off", { $0.sampler = .alwaysOff }),
                ("traceidratio", { $0.sampler = .traceIDRatio(1) }), ("parentbased_always_on", { _ in }),
                ("Parentbased_Always_Off", { $0.sampler = .parentBased(root: .alwaysOff) }),
                ("parentbased_traceidratio", { $0.sampler = .parentBased(root: .traceIDRatio(1)) }),
            ],
            wrong: ["jaeger_remote", "parentbased_jaeger_remote", "xray", "sometimes"],
            used: "parentbased_always_on"
        ),
        Variable(
            name: "OTEL_TRACES_SAMPLER_ARG",
            right: [("0.25", { $0.sampler = .traceIDRatio(0.25) }), ("0", { $0.sampler = .traceIDRatio(0) })],
            wrong: ["2", "-1", "half", "nan"],
            used: "1",
            beside: ["OTEL_TRACES_SAMPLER": "traceidratio"]
        ),
        number("OTEL_BSP_MAX_QUEUE_SIZE", \.batch.maximumQueueSize, minimum: 1, maximum: 1 << 20, used: "2048"),
        number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", \.batch.maximumBatchSize, minimum: 1, maximum: 1 << 20, used: "512"),
        milliseconds("OTEL_BSP_SCHEDULE_DELAY", \.batch.scheduledDelay, zero: .zero, used: "5000"),
        milliseconds("OTEL_BSP_EXPORT_TIMEOUT", \.batch.exportTimeout, zero: .seconds(86400), used: "30000"),
        number("OTEL_BLRP_MAX_QUEUE_SIZE", \.logBatch.maximumQueueSize, minimum: 1, used: "2048"),
        number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", \.logBatch.maximumBatchSize, minimum: 1, used: "512"),
        milliseconds("OTEL_BLRP_SCHEDULE_DELAY", \.logBatch.scheduledDelay, zero: .zero, used: "1000"),
        milliseconds("OTEL_BLRP_EXPORT_TIMEOUT", \.logBatch.exportTimeout, zero: .seconds(86400), used: "30000"),
        Variable(
            name: "OTEL_ATTRIBUTE_COUNT_LIMIT",
            right: [
                (
                    "9",
                    {
                        $0.limits.attributeCount = 9
                        $0.logLimits.attributeCount = 9
                    }
                )
            ],
            wrong: ["-1"],
            used: "128"
        ),
        length("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", [\.limits.attributeValueLength, \.logLimits.attributeValueLength]),
        number("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", \.limits.attributeCount, used: "128"),
        length("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", [\.limits.attributeValueLength]),
        number("OTEL_SPAN_EVENT_COUNT_LIMIT", \.limits.eventCount, used: "128"),
        number("OTEL_SPAN_LINK_COUNT_LIMIT", \.limits.linkCount, used: "128"),
        number("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", \.limits.eventAttributeCount, used: "128"),
        number("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", \.limits.linkAttributeCount, used: "128"),
        number("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", \.logLimits.attributeCount, used: "128"),
        length("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", [\.logLimits.attributeValueLength]),
        Variable(
            name: "OTEL_RESOURCE_ATTRIBUTES",
            right: [
                (
                    "deployment.environment.name=test, k=a%2Cb",
                    { $0.resourceAttributes = ["deployment.environment.name": "test", "k": "a,b"] }
                )
            ],
            wrong: ["a", "a=1,b", "a=%zz", "=1"],
            used: "ignored"
        ),
        Variable(
            name: "OTEL_SERVICE_NAME",
            right: [("orders", { $0.resourceAttributes = ["service.name": "orders"] })],
            wrong: [],
            used: ""
        ),
        Variable(
            name: "OTEL_LOG_LEVEL",
            right: [
                ("debug", { $0.logLevel = .debug }), ("WARN", { $0.logLevel = .warning }), ("info", { _ in }),
                ("error", { $0.logLevel = .error }),
            ],
            wrong: ["loud", "3"],
            used: "info"
        ),
    ]

    private func settings(_ environment: [String: String]) -> (settings: OTelConfiguration, problems: [String]) {
        let read = OTelConfiguration(environment: environment)
        return (read, read.problems)
    }

    @Test("an empty variable is an unset one", arguments: variables)
    func empty(variable: Variable) {
        let unset = settings(variable.beside)
        for value in ["", " ", "\t "] {
            let empty = settings(variable.beside.merging([variable.name: value]) { $1 })
            #expect(empty.settings == unset.settings)
            #expect(empty.problems == [])
        }
    }

    @Test("a right value has its effect and no other", arguments: variables)
    func right(variable: Variable) {
        for (value, expect) in variable.right {
            var environment = variable.beside.merging([variable.name: value]) { $1 }
            // A batch may not be larger than its queue, nor stay larger when the queue shrinks.
            if variable.name.hasSuffix("MAX_EXPORT_BATCH_SIZE") {
                let queue = variable.name.replacing("EXPORT_BATCH", with: "QUEUE")
                environment[queue] = variable.name.contains("BSP") ? "1048576" : "2147483647"
            }
            let (read, problems) = settings(environment)
            var expected = settings(variable.beside).settings
            expect(&expected)
            if variable.name.hasSuffix("MAX_EXPORT_BATCH_SIZE") {
                expected.batch.maximumQueueSize = read.batch.maximumQueueSize
                expected.logBatch.maximumQueueSize = read.logBatch.maximumQueueSize
            }
            if variable.name.hasSuffix("MAX_QUEUE_SIZE") {
                expected.batch.maximumBatchSize = min(512, expected.batch.maximumQueueSize)
                expected.logBatch.maximumBatchSize = min(512, expected.logBatch.maximumQueueSize)
            }
            #expect(read == expected, "\(variable.name)=\(value)")
            #expect(problems == [])
        }
    }

    @Test("a wrong value is reported once, with what is used instead", arguments: variables)
    func wrong(variable: Variable) throws {
        for value in variable.wrong {
            let (read, problems) = settings(variable.beside.merging([variable.name: value]) { $1 })
            try #require(problems.count == 1, "\(problems)")
            #expect(problems[0].hasPrefix("\(variable.name)=\(value) "))
            #expect(problems[0].hasSuffix(variable.used), "\(problems[0])")
            var comparable = settings(variable.beside).settings
            comparable.copyProblems(of: read)
            #expect(read == comparable, "\(variable.name)=\(value)")
        }
    }

    @Test("a queue of spans that no memory would hold is reported, and the largest one is made")
    func hugeQueue() {
        let name = "OTEL_BSP_MAX_QUEUE_SIZE"
        let (read, problems) = settings([name: "2147483647"])
        #expect(problems == ["\(name)=2147483647 must be at most 1048576; using 1048576"])
        #expect(read.batch.maximumQueueSize == 1 << 20)
        var configuration = BatchSpanProcessor.Configuration()
        configuration.maximumQueueSize = .max
        let exporter = ScriptedExporter()
        let processor = BatchSpanProcessor(
            exporter: exporter,
            resource: Resource(attributes: [:]),
            configuration: configuration
        )
        #expect(processor.queueCapacity == 1 << 20)
    }

    @Test("the documentation lists every variable", arguments: variables)
    func documentation(variable: Variable) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/configuration.md"), encoding: .utf8)
        #expect(text.contains("`\(variable.name)`"))
    }

    @Test("of a list with wrong names the right ones are used, and the report says so")
    func lists() {
        let read = OTelConfiguration(
            environment: [
                "OTEL_TRACES_EXPORTER": "zipkin,console", "OTEL_PROPAGATORS": "b3,baggage",
                "OTEL_LOGS_EXPORTER": "otlp,none",
            ]
        )
        #expect(read.tracesExporters == [.console])
        #expect(read.propagators == .baggage)
        #expect(read.logsExporters == [.otlp])
        #expect(read.problems.count == 3)
        #expect(read.problems.contains { $0.hasPrefix("OTEL_PROPAGATORS=") && $0.hasSuffix("; using baggage") })
    }

    @Test("a disabled SDK makes no spans and exports no logs, but propagates")
    func disabled() {
        let read = OTelConfiguration(environment: ["OTEL_SDK_DISABLED": "true", "OTEL_LOGS_EXPORTER": "otlp"])
        #expect(!read.isTracingEnabled)
        #expect(!read.exportsLogs)
        #expect(read.propagators == .all)
    }

    @Test("the limits of log records: special, then general, then the default")
    func logLimits() {
        func limits(_ environment: [String: String]) -> LogRecordLimits {
            OTelConfiguration(environment: environment).logLimits
        }
        let general = ["OTEL_ATTRIBUTE_COUNT_LIMIT": "5", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "6"]
        #expect(limits(general).attributeCount == 5)
        #expect(limits(general).attributeValueLength == 6)
        let special = general.merging(["OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "7"]) { $1 }
        #expect(limits(special).attributeCount == 7)
        #expect(limits(special).attributeValueLength == 6)
        #expect(limits(["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "3"]) == LogRecordLimits())
    }

    @Test("a wrong general limit is reported once, though spans and log records both use it")
    func wrongGeneralLimit() {
        #expect(OTelConfiguration(environment: ["OTEL_ATTRIBUTE_COUNT_LIMIT": "x"]).problems.count == 1)
    }

    @Test(
        "a variable that has no effect is reported, without what may be a secret",
        arguments: [
            "OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE", "OTEL_ENTITIES", "OTEL_EXPORTER_PROMETHEUS_HOST",
            "OTEL_EXPORTER_PROMETHEUS_PORT", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT",
            "OTEL_EXPORTER_ZIPKIN_ENDPOINT", "OTEL_EXPORTER_ZIPKIN_TIMEOUT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            "OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        ]
    )
    func unused(name: String) throws {
        let (read, problems) = settings([name: "value"])
        try #require(problems.count == 1)
        let isSecret = name.hasSuffix("HEADERS") || name.hasSuffix("ENDPOINT")
        #expect(problems[0].hasPrefix(isSecret ? "\(name) is not " : "\(name)=value is not "))
        #expect(problems[0].contains("value") == !isSecret)
        var comparable = OTelConfiguration()
        comparable.copyProblems(of: read)
        #expect(read == comparable)
        #expect(settings([name: ""]).problems == [])
    }
}

extension OTelConfiguration {
    /// Takes over the reports, so that only the settings are compared.
    fileprivate mutating func copyProblems(of other: OTelConfiguration) {
        problems = other.problems
    }
}
