extension OTelConfiguration {
    /// Variables of the specification that have no effect here, with what holds instead.
    private static let unused: [String: String] = [
        "OTEL_CONFIG_FILE": "is not supported; the variables are used",
        "OTEL_EXPERIMENTAL_CONFIG_FILE": "is not supported; the variables are used",
        "OTEL_ENTITIES": "is not supported; using OTEL_RESOURCE_ATTRIBUTES",
        "OTEL_EXPORTER_PROMETHEUS_HOST": "is not used; metrics are served by the admin endpoint, at its address",
        "OTEL_EXPORTER_PROMETHEUS_PORT": "is not used; metrics are served by the admin endpoint, at its address",
        "OTEL_METRIC_EXPORT_INTERVAL": "is not used; metrics are scraped, not sent",
        "OTEL_METRIC_EXPORT_TIMEOUT": "is not used; metrics are scraped, not sent",
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT": "is not supported; traces are exported as OTEL_TRACES_EXPORTER says",
        "OTEL_EXPORTER_ZIPKIN_TIMEOUT": "is not supported; traces are exported as OTEL_TRACES_EXPORTER says",
    ]

    /// Reports variables that somebody set in the belief that they do something.
    static func reportUnused(_ reader: inout EnvironmentReader) {
        for name in reader.names {
            if let problem = unused[name] {
                reader.report(name, problem, isSecret: name.hasSuffix("ENDPOINT"))
            } else if name.hasPrefix("OTEL_EXPORTER_OTLP_METRICS_") {
                // Headers are secrets, and an endpoint may have a password in it.
                let isSecret = name.hasSuffix("HEADERS") || name.hasSuffix("ENDPOINT")
                reader.report(name, "is not used; metrics are scraped, not sent", isSecret: isSecret)
            }
        }
    }
}
