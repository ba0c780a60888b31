internal import ArgumentParser
internal import Foundation
internal import LocalStack
internal import Logging

/// `contrail up`
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Runs the local stack until Ctrl-C.",
        discussion: """
            Starts NATS, PostgreSQL, the three services and a receiver for their traces, all on 127.0.0.1, and stops them \
            in order. Data is kept in .contrail (CONTRAIL_HOME names another folder); “contrail clean-data” removes it.

            With OTEL_EXPORTER_OTLP_ENDPOINT set, the services send their traces there instead, for example to a Jaeger.
            """
    )

    func run() async throws {
        try await reporting { console in
            var configuration = StackConfiguration(
                directory: StackFolder.path(),
                ports: try StackConfiguration.Ports.documented()
            )
            configuration.externalTraces = ExternalTraces.endpoint()
            let final = configuration
            try await Interruption.run {
                try await Stack.run(final, logger: .silent, onEvent: { console.progress("\($0)") }) { stack in
                    console.print("\n" + stack.overview(console) + "\n\nCtrl-C stops everything.\n")
                    try await stack.watch(console)
                }
            }
            console.progress("Everything is stopped. Data is kept in \(final.directory).")
        }
    }
}

extension Stack {
    /// What runs where, for people.
    func overview(_ console: Console) -> String {
        let ports = configuration.ports
        var rows = [
            ["users", "gRPC 127.0.0.1:\(ports.users.grpc)", "http://127.0.0.1:\(ports.users.admin)/metrics"],
            ["orders", "gRPC 127.0.0.1:\(ports.orders.grpc)", "http://127.0.0.1:\(ports.orders.admin)/metrics"],
            [
                "notifications", "gRPC 127.0.0.1:\(ports.notifications.grpc)",
                "http://127.0.0.1:\(ports.notifications.admin)/metrics",
            ],
            ["NATS", nats.url, nats.monitoringURL],
            ["PostgreSQL", "127.0.0.1:\(ports.postgres)", "databases users, orders, notifications"],
        ]
        if let external = configuration.externalTraces {
            rows.append(["traces", "OTLP to \(external)", "sent elsewhere"])
        } else {
            rows.append(["traces", "OTLP \(configuration.otlpEndpoint)", "\(configuration.queryURL)/api/v3/traces/ID"])
        }
        rows.append(["logs", "\(configuration.directory)/services", "one file a service"])
        return console.bold("The stack is running:") + "\n" + console.table(rows)
    }

    /// Waits until the task is cancelled; fails when a part ends by itself.
    func watch(_ console: Console) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (name, process) in services {
                group.addTask { try await Self.watch(name, process.process) }
            }
            group.addTask { [nats] in try await Self.watch("NATS", nats.process) }
            group.addTask { [postgres] in try await Self.watch("PostgreSQL", postgres.process) }
            try await group.next()
            group.cancelAll()
        }
    }

    private static func watch(_ name: String, _ process: ManagedProcess) async throws {
        let status = try await process.waitForExit()
        throw Failure.refused(
            "\(name) ended by itself (\(status)); the end of its log, \(process.logFile):\n"
                + process.lastLogLines(10).joined(separator: "\n")
        )
    }
}

extension Logger {
    /// For parts whose details nobody wants to read beside the command's own output.
    static var silent: Logger { Logger(label: "contrail") { _ in SwiftLogNoOpLogHandler() } }
}

/// Where the environment wants traces to be sent.
enum ExternalTraces {
    static func endpoint(environment: [String: String] = ProcessInfo.processInfo.environment) -> String? {
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"].flatMap { $0.isEmpty ? nil : $0 }
    }
}
