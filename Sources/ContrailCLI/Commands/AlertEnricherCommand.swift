internal import AlertEnricher
internal import ArgumentParser
internal import ContrailInstrumentation
internal import Foundation
internal import Logging
internal import Observability
internal import ServiceLifecycle
internal import ServiceRuntime
internal import UnixSignals

/// `contrail alert-enricher`
struct AlertEnricherCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alert-enricher",
        abstract: "Adds to alerts the traces and the cause behind them, between Alertmanager and its receiver.",
        discussion: """
            Alertmanager sends its webhook to http://ADDRESS/alerts. For each alert that fires and whose rule has the \
            annotation exemplar_query, the worst traces are looked up among Prometheus' exemplars; for cause_query, the \
            greatest series of its result. They become the annotations trace_ids, worst_traces and dominant_cause, and \
            everything else is passed on as it came. When Prometheus does not help in time, alerts are passed on without, \
            and the annotation enrichment_error says why. docs/alerts.md has the whole story.

            Without --forward the enriched alerts are printed, as JSON on one line: try it with

              contrail alert-enricher | jq '.alerts[].annotations'

            Serves /livez and /metrics, too. SIGTERM and Ctrl-C let what is under way end. CONTRAIL_LOG_LEVEL and \
            CONTRAIL_LOG_FORMAT are those of the services; the log goes to standard error.
            """
    )

    @Option(help: ArgumentHelp("Where to listen; only Alertmanager should reach it.", valueName: "host:port"))
    var listen = "127.0.0.1:9094"

    @Option(help: ArgumentHelp("Prometheus, with --enable-feature=exemplar-storage.", valueName: "url"))
    var prometheus = "http://127.0.0.1:9090"

    @Option(help: ArgumentHelp("Jaeger's pages, as those who read alerts reach them.", valueName: "url"))
    var jaeger = "http://localhost:16686"

    @Option(help: ArgumentHelp("Who gets the alerts: a webhook receiver of Alertmanager's format.", valueName: "url"))
    var forward: String?

    @Option(help: ArgumentHelp("A file with a token, sent to the receiver as a bearer token.", valueName: "path"))
    var forwardTokenFile: String?

    @Option(help: ArgumentHelp("How long the receiver may take, at most 60s.", valueName: "time"))
    var forwardTimeout = TimeSpan(.seconds(10), "10s")

    @Option(
        help: ArgumentHelp(
            "How long before an alert began to look for traces, such as 90m, 1h or 2d.",
            valueName: "time"
        )
    )
    var window = TimeSpan(.seconds(3600), "1h")

    @Option(help: "The most traces of an alert, 1 to 20.")
    var traces = 3

    @Option(help: ArgumentHelp("How long alerts may be held to find their traces, at most 60s.", valueName: "time"))
    var timeout = TimeSpan(.seconds(5), "5s")

    @Option(help: ArgumentHelp("What is put before a runbook_url that is only a path.", valueName: "url"))
    var runbooks: String?

    func validate() throws {
        do {
            try settings(token: nil).validate()
        } catch let error as AlertEnricherError {
            throw ValidationError(error.message)
        }
        if forwardTokenFile != nil, forward == nil {
            throw ValidationError("--forward-token-file needs --forward")
        }
    }

    func run() async throws {
        try await reporting { console in
            let logger = try Self.logger()
            let metrics = MetricsRegistry()
            metrics.registerProcessMetrics()
            metrics.registerBuildInfo(version: BuildInfo.version)
            let server: AlertEnricherServer
            do {
                server = try AlertEnricherServer(
                    configuration: try settings(token: token()),
                    metrics: metrics,
                    logger: logger
                ) {
                    console.print(String(decoding: $0, as: UTF8.self))
                }
                try await Self.run(server, logger: logger)
            } catch let error as AlertEnricherError {
                throw Failure.refused(error.message)
            }
        }
    }

    /// Runs the server until the process is told to stop, and what is under way then has ended.
    private static func run(_ server: AlertEnricherServer, logger: Logger) async throws {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: server)],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: quiet
        )
        configuration.maximumGracefulShutdownDuration = server.longestRequest + .seconds(1)
        try await ServiceGroup(configuration: configuration).run()
        logger.info("stopped")
    }

    private func settings(token: String?) throws -> AlertEnricherConfiguration {
        guard let address = NetworkAddress(listen) else {
            throw ValidationError("“\(listen)” is no address; write --listen host:port")
        }
        var settings = AlertEnricherConfiguration()
        settings.host = address.host
        settings.port = address.port
        settings.prometheus = prometheus
        settings.jaeger = jaeger
        settings.forward = forward
        settings.forwardToken = token
        settings.forwardTimeout = forwardTimeout.duration
        settings.window = window.duration
        settings.traces = traces
        settings.timeout = timeout.duration
        settings.runbooks = runbooks
        return settings
    }

    private func token() throws -> String? {
        guard let forwardTokenFile else { return nil }
        guard let text = try? String(contentsOfFile: forwardTokenFile, encoding: .utf8) else {
            throw Failure.refused("--forward-token-file: \(forwardTokenFile) cannot be read")
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func logger(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> Logger {
        func value(_ key: String, default fallback: String) -> String {
            environment[key].flatMap { $0.isEmpty ? nil : $0 } ?? fallback
        }
        let level = value("CONTRAIL_LOG_LEVEL", default: "info")
        let format = value("CONTRAIL_LOG_FORMAT", default: "auto")
        guard let level = Logger.Level(name: level) else {
            throw Failure.refused("CONTRAIL_LOG_LEVEL=\(level) is no level; write info, debug or warning")
        }
        guard let format = LogFormat(format) else {
            throw Failure.refused("CONTRAIL_LOG_FORMAT=\(format) is no format; write auto, json or text")
        }
        let configuration = StructuredLogHandler.Configuration(
            format: format,
            level: level,
            serviceName: "alert-enricher",
            writer: .standardError
        )
        return Logger(label: "alert-enricher") { StructuredLogHandler(label: $0, configuration: configuration) }
    }
}
