public import ContrailInstrumentation
public import Observability

/// The metrics and spans that a service can make, found by putting it together as its process does, without running it.
public struct ServiceSignals: Sendable {
    /// The service's name.
    public let name: String
    /// Its metrics, in ascending order of their names.
    public let metrics: [MetricDescription]
    /// Its spans.
    public let spans: [SpanDeclaration]

    /// Puts a service together and asks the parts.
    ///
    /// - Parameters:
    ///   - definition: The service.
    ///   - environment: Its variables; parts that are chosen by a variable are there when it says so.
    /// - Throws: What the parts throw for settings that cannot work.
    public init(of definition: any ServiceDefinition.Type, environment: [String: String] = [:]) async throws {
        var settings = Settings(environment: environment)
        let common = CommonSettings(&settings, definition: definition)
        var logging = common.logging
        // It counts what it loses, which is a signal; nobody is to read its lines.
        logging.writer = LogWriter { _ in }
        let bootstrap = Bootstrap(
            definition.name,
            environment: environment,
            logging: logging,
            // Also where a setting turns it off.
            tailKeep: TailKeep.Configuration()
        )
        let telemetry = bootstrap.telemetry
        do {
            let parts = try definition.makeParts(&settings, telemetry: telemetry)
            guard settings.problems.isEmpty else { throw SettingsError(problems: settings.problems) }
            let readiness = Readiness(dependencies: [], gate: Gate(), logger: telemetry.logger)
            _ = ServiceMain.makeServer(parts, settings: common, readiness: readiness, telemetry: telemetry)
            name = definition.name
            metrics = telemetry.metrics.descriptions
            spans = telemetry.spans.declarations
        } catch {
            await bootstrap.shutdown(timeout: .zero)
            throw error
        }
        await bootstrap.shutdown(timeout: .zero)
    }
}
