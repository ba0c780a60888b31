internal import ContrailInstrumentation

/// The text of a service's `--help`, made from the settings that it reads.
enum ServiceHelp {
    static func text(_ definition: any ServiceDefinition.Type) -> String {
        var settings = Settings(environment: [:])
        _ = CommonSettings(&settings, definition: definition)
        // Parts are put together, not started: that is how their settings become known.
        _ = try? definition.makeParts(&settings, telemetry: .disabled)
        let width = settings.entries.map(\.key.count).max() ?? 0
        let lines = settings.entries.map { entry in
            let key = entry.key + String(repeating: " ", count: width - entry.key.count)
            return "  \(key)  \(entry.help)" + (entry.fallback.isEmpty ? "" : " [\(entry.fallback)]")
        }
        return """
            \(definition.name)-service: \(definition.summary)

            USAGE: \(definition.name)-service [migrate | healthcheck | --help | --version]

              migrate      brings tables, streams and consumers up to date, and ends; waits for what it needs
              healthcheck  asks the service at CONTRAIL_GRPC_LISTEN whether it is ready: exit code 0, or 1

            Settings come from the environment; defaults work with the local stack:
            \(lines.joined(separator: "\n"))

            CONTRAIL_SETTINGS_FILE names a file with more of them, a NAME=value on each line; the environment wins.
            From a file named by the variable with _FILE at its end, as in PGPASSWORD_FILE:
              \(SecretFiles.variables.joined(separator: ", "))

            Stops on SIGTERM and SIGINT after finishing what it has begun.
            Exit codes: 0 orderly end, 1 failure, 64 unknown argument, 78 wrong setting.
            """
    }
}
