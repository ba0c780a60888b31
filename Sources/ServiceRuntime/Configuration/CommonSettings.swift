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
        settings.document("OTEL_EXPORTER_OTLP_ENDPOINT", default: "http://localhost:4318", "where traces are sent")
        settings.document("OTEL_TRACES_SAMPLER", default: "parentbased_always_on", "which traces are recorded")
        settings.document("OTEL_SDK_DISABLED", default: "false", "turns tracing off")
    }

    /// How the process's loggers write.
    var logging: StructuredLogHandler.Configuration {
        StructuredLogHandler.Configuration(format: logFormat, level: logLevel)
    }
}
