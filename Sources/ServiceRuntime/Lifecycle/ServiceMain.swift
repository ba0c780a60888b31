internal import ContrailInstrumentation
internal import Foundation
internal import Logging
internal import Observability
internal import ServiceLifecycle
internal import UnixSignals

/// Runs a service as a process: settings, telemetry, admin endpoint, parts, and an orderly end.
public enum ServiceMain {
    /// Does what the command line asks for, without arguments running the service until it is told to stop by SIGTERM or
    /// SIGINT, then exits the process.
    ///
    /// Exit codes: 0 after an orderly end, 64 for unknown arguments, 78 for wrong settings, 1 for everything else.
    ///
    /// - Parameters:
    ///   - definition: The service.
    ///   - arguments: The command line without the program's name.
    public static func run(
        _ definition: any ServiceDefinition.Type,
        arguments: [String] = Array(CommandLine.arguments.dropFirst())
    ) async -> Never {
        // A peer that went away is an error of that connection, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let command: ServiceCommand
        do {
            command = try ServiceCommand(arguments)
        } catch {
            writeError("\(error)")
            exit(64)
        }
        switch command {
        case .help:
            print(ServiceHelp.text(definition))
            exit(0)
        case .version:
            print("\(definition.name)-service \(BuildInfo.version)")
            exit(0)
        case .healthcheck: exit(await healthcheck(definition))
        case .serve: exit(await run(definition) { await serve($0, settings: $1, bootstrap: $2) })
        case .migrate: exit(await run(definition) { await migrate($0, settings: $1, bootstrap: $2) })
        }
    }

    /// Reads the settings and puts the service together, for something that runs it.
    private static func run(
        _ definition: any ServiceDefinition.Type,
        _ body: (_ parts: ServiceParts, _ settings: CommonSettings, _ bootstrap: Bootstrap) async -> Int32
    ) async -> Int32 {
        var settings = Settings.process()
        let common = CommonSettings(&settings, definition: definition)
        let bootstrap = Bootstrap(
            definition.name,
            environment: settings.environment,
            logging: common.logging,
            tailKeep: common.tailKeep
        )
        bootstrap.openStandardAPIs()
        let logger = bootstrap.telemetry.logger
        for problem in bootstrap.problems {
            logger.warning("setting is ignored", metadata: ["problem": "\(problem)"])
        }
        let parts: ServiceParts
        do {
            parts = try definition.makeParts(&settings, telemetry: bootstrap.telemetry)
            guard settings.problems.isEmpty else { throw SettingsError(problems: settings.problems) }
        } catch {
            writeError("\(definition.name)-service cannot start:\n\(error)")
            return 78
        }
        logger.info("starting", metadata: ["version": "\(BuildInfo.version)", "pid": "\(getpid())"])
        let code = await body(parts, common, bootstrap)
        // Whatever happened, what was recorded about it should reach the backend, if that is possible in time.
        if !(await bootstrap.shutdown(timeout: common.grace / 3)) {
            logger.warning("spans were lost at the end: the trace backend did not take them in time")
        }
        logger.info("stopped", metadata: ["exit": "\(code)"])
        await bootstrap.shutdownLog(timeout: common.grace / 6)
        return code
    }

    private static func serve(_ parts: ServiceParts, settings: CommonSettings, bootstrap: Bootstrap) async -> Int32 {
        let telemetry = bootstrap.telemetry
        let logger = telemetry.logger
        let gate = Gate()
        let readiness = Readiness(dependencies: parts.dependencies, gate: gate, logger: logger)
        let server = makeServer(parts, settings: settings, readiness: readiness, telemetry: telemetry)
        let grpc = BackgroundWork("gRPC server") {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.run() }
                let address = try await server.listeningAddress()
                logger.info("gRPC listens", metadata: ["address": "\(address)"])
                try await group.waitForAll()
            }
        } beginShutdown: {
            server.beginGracefulShutdown()
        }
        // Stopped from the last to the first: calls first, then the work behind them, then what that stands on.
        let admin = AdminServer(
            address: settings.adminAddress,
            metrics: bootstrap.servesMetrics ? telemetry.metrics : nil,
            readiness: readiness,
            logger: logger
        )
        let atOnce = parts.work.filter { $0.start == .atOnce }
        let whenPrepared = parts.work.filter { $0.start == .whenPrepared }
        let services: [any Service] =
            [admin] + atOnce.map { WorkService(work: $0, gate: gate) }
            + [PreparationService(preparations: parts.preparations, gate: gate, logger: logger)]
            + whenPrepared.map { WorkService(work: $0, gate: gate) } + [
                WorkService(work: grpc, gate: gate),
                StopService(readiness: readiness, grace: settings.grace, logger: logger),
            ]
        return await run(
            services.map { .init(service: $0) },
            readiness: readiness,
            grace: settings.grace,
            logger: logger
        )
    }

    /// Runs services until one fails or the process is told to stop.
    static func run(
        _ services: [ServiceGroupConfiguration.ServiceConfiguration],
        readiness: Readiness,
        grace: Duration,
        logger: Logger
    ) async -> Int32 {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        var configuration = ServiceGroupConfiguration(
            services: services,
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: quiet
        )
        configuration.maximumGracefulShutdownDuration = grace / 2
        do {
            try await ServiceGroup(configuration: configuration).run()
            return 0
        } catch {
            // Cut short by the grace period: everything durable is in the database or the stream, so this end is orderly.
            if readiness.isStopping { return 0 }
            logger.critical("stopped by an error", metadata: ["error": "\(error)"])
            return 1
        }
    }

    /// Makes the gRPC server, which listens once it runs.
    static func makeServer(
        _ parts: ServiceParts,
        settings: CommonSettings,
        readiness: Readiness,
        telemetry: Telemetry
    ) -> TracedGRPCServer {
        TracedGRPCServer(
            address: settings.grpcAddress,
            services: parts.grpcServices + [
                HealthService(serviceNames: settings.serviceNames, readiness: readiness)
            ],
            telemetry: telemetry,
            callers: settings.callers,
            callTimeout: settings.callTimeout,
            interceptors: [ErrorInterceptor(logger: telemetry.logger)]
        )
    }

    static func writeError(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }
}
