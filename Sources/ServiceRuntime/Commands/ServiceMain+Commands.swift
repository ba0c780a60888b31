internal import ContrailInstrumentation
internal import Foundation
internal import ServiceLifecycle

/// What a service's program does besides serving.
extension ServiceMain {
    /// Asks the process that runs the service, and prints a line.
    static func healthcheck(_ definition: any ServiceDefinition.Type) async -> Int32 {
        var settings = Settings.process(secrets: false)
        let common = CommonSettings(&settings, definition: definition)
        guard settings.problems.isEmpty else {
            writeError("\(SettingsError(problems: settings.problems))")
            return 78
        }
        let outcome = await HealthCheck(listening: common.grpcAddress).run()
        print(outcome.message)
        return outcome.isHealthy ? 0 : 1
    }

    /// Runs the preparations of a service and nothing else.
    static func migrate(_ parts: ServiceParts, settings: CommonSettings, bootstrap: Bootstrap) async -> Int32 {
        let logger = bootstrap.telemetry.logger
        let gate = Gate()
        let readiness = Readiness(dependencies: [], gate: gate, logger: logger)
        let work = parts.work.filter { $0.start == .atOnce }.map { WorkService(work: $0, gate: gate) }
        let preparations = PreparationService(
            preparations: parts.preparations,
            gate: gate,
            logger: logger,
            waitsForShutdown: false
        )
        let stop = StopService(readiness: readiness, grace: settings.grace, logger: logger)
        let code = await run(
            work.map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) } + [
                .init(service: preparations, successTerminationBehavior: .gracefullyShutdownGroup),
                .init(service: stop),
            ],
            readiness: readiness,
            grace: settings.grace,
            logger: logger
        )
        // Told to stop before all was done: whoever waits for this must not go on.
        return gate.isOpen ? code : 1
    }
}
