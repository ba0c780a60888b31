internal import ContrailInstrumentation
internal import Logging
internal import Observability

/// The settings that every service has.
struct CommonSettings {
    let grpcAddress: NetworkAddress
    let adminAddress: NetworkAddress
    let logLevel: Logger.Level
    let logFormat: LogFormat
    let grace: Duration
    let serviceNames: [String]
    /// How traces that the sampler dropped are kept when they turn out to matter.
    let tailKeep: TailKeep.Configuration?
    /// What becomes of the trace context that gRPC callers send.
    let callers: RemoteParentPolicy
    /// How long a call may take whose caller does not say.
    let callTimeout: Duration

    init(_ settings: inout Settings, definition: any ServiceDefinition.Type) {
        grpcAddress = settings.address(
            "CONTRAIL_GRPC_LISTEN",
            default: NetworkAddress(host: "127.0.0.1", port: definition.defaultGRPCPort),
            "where gRPC is served"
        )
        adminAddress = settings.address(
            "CONTRAIL_ADMIN_LISTEN",
            default: NetworkAddress(host: "127.0.0.1", port: definition.defaultAdminPort),
            "where /metrics, /livez and /readyz are served"
        )
        let level = settings.choice(
            "CONTRAIL_LOG_LEVEL",
            default: "info",
            of: Logger.Level.allCases.map(\.rawValue),
            "the least severe log lines that are written"
        )
        logLevel = Logger.Level(rawValue: level) ?? .info
        let format = settings.choice(
            "CONTRAIL_LOG_FORMAT",
            default: "auto",
            of: ["auto", "json", "text"],
            "JSON lines, text, or text on a terminal only"
        )
        logFormat = format == "json" ? .json : format == "text" ? .text : .automatic
        grace = settings.duration(
            "CONTRAIL_SHUTDOWN_GRACE",
            default: "10s",
            "how long the process may take to stop"
        )
        serviceNames = definition.grpcServiceNames
        tailKeep = Self.tailKeep(&settings)
        callers = Self.callers(&settings)
        callTimeout = settings.duration(
            "CONTRAIL_GRPC_CALL_TIMEOUT",
            default: "30s",
            "how long what a call makes may take together whose caller sets no deadline"
        )
        settings.document("OTEL_EXPORTER_OTLP_ENDPOINT", default: "http://localhost:4318", "where traces are sent")
        settings.document("OTEL_TRACES_SAMPLER", default: "parentbased_always_on", "which traces are recorded")
        settings.document("OTEL_SDK_DISABLED", default: "false", "turns tracing off")
    }

    /// How the process's loggers write.
    var logging: StructuredLogHandler.Configuration {
        StructuredLogHandler.Configuration(format: logFormat, level: logLevel)
    }

    private static func tailKeep(_ settings: inout Settings) -> TailKeep.Configuration? {
        let isOn = settings.choice(
            "CONTRAIL_TAIL_KEEP",
            default: "on",
            of: ["on", "off"],
            "keeps late, failed and retried traces that the sampler dropped"
        )
        var configuration = TailKeep.Configuration()
        configuration.maximumBytes =
            settings.int(
                "CONTRAIL_TAIL_KEEP_MEBIBYTES",
                default: 32,
                in: 1...4096,
                "memory for spans that wait for a verdict"
            ) << 20
        configuration.slowSpan = settings.duration(
            "CONTRAIL_TAIL_KEEP_SLOW_SPAN",
            default: "5s",
            "how long a span takes that makes its trace be kept"
        )
        return isOn == "on" ? configuration : nil
    }

    private static func callers(_ settings: inout Settings) -> RemoteParentPolicy {
        let mode = settings.choice(
            "CONTRAIL_GRPC_CALLERS",
            default: RemoteParentPolicy.Mode.trust.rawValue,
            of: RemoteParentPolicy.Mode.allCases.map(\.rawValue),
            "continues callers' traces as they are, continues them under a cap, or restarts with a link"
        )
        let forced = settings.int(
            "CONTRAIL_GRPC_FORCED_SAMPLING",
            default: 1,
            in: 0...1_000_000,
            "calls that may force their sampling each second under “continue”"
        )
        return RemoteParentPolicy(
            RemoteParentPolicy.Mode(rawValue: mode) ?? .trust,
            forcedPerSecond: Double(forced)
        )
    }
}
