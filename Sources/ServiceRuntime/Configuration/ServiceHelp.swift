internal import ContrailInstrumentation
internal import Logging
internal import Observability

/// The text of a service's `--help`, made from the settings that it reads.
enum ServiceHelp {
    static func text(_ definition: any ServiceDefinition.Type) -> String {
        var settings = Settings(environment: [:])
        _ = CommonSettings(&settings, definition: definition)
        // Parts are put together, not started: that is how their settings become known.
        let telemetry = Telemetry(
            provider: TracerProvider(resource: Resource(attributes: [:]), processor: NoOpSpanProcessor()),
            metrics: MetricsRegistry(),
            logger: Logger(label: definition.name) { _ in SwiftLogNoOpLogHandler() }
        )
        _ = try? definition.makeParts(&settings, telemetry: telemetry)
        let width = settings.entries.map(\.key.count).max() ?? 0
        let lines = settings.entries.map { entry in
            let key = entry.key + String(repeating: " ", count: width - entry.key.count)
            return "  \(key)  \(entry.help)" + (entry.fallback.isEmpty ? "" : " [\(entry.fallback)]")
        }
        return """
            \(definition.name)-service: \(definition.summary)

            USAGE: \(definition.name)-service [--help] [--version]

            Settings come from the environment; defaults work with the local stack:
            \(lines.joined(separator: "\n"))

            Stops on SIGTERM and SIGINT after finishing what it has begun.
            Exit codes: 0 orderly end, 1 failure, 64 unknown argument, 78 wrong setting.
            """
    }
}
