internal import ArgumentParser
internal import Contracts
internal import ContrailInstrumentation
internal import Foundation
internal import GRPCCore
internal import SwiftProtobuf
internal import TraceBackend

/// `contrail demo`
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Starts the stack, places an order, waits for its notification and shows the trace of it all.",
        discussion: """
            Uses free ports and a data folder of its own, so it can run beside “contrail up”. Fails, and says what is \
            missing, when the trace does not cover the whole way from the command to the delivered notification.
            """
    )

    @Flag(help: "Print the trace and the stages as JSON.")
    var json = false

    func run() async throws {
        try await reporting { console in
            var configuration = StackConfiguration(
                directory: StackFolder.path() + "/demo",
                ports: try StackConfiguration.Ports.free()
            )
            configuration.externalTraces = ExternalTraces.endpoint()
            if configuration.externalTraces != nil, !TraceLookup.isConfigured {
                throw Failure.refused(
                    "OTEL_EXPORTER_OTLP_ENDPOINT sends the traces elsewhere; name the Jaeger that shows them in "
                        + "CONTRAIL_TRACE_QUERY_URL, or unset the endpoint"
                )
            }
            // The demo shows a trace; an empty variable counts as unset.
            configuration.environment = Demo.tracingOn
            let final = configuration
            let json = json
            let isInterrupted = try await Interruption.run {
                try await Stack.run(final, logger: .silent, onEvent: { console.progress("\($0)") }) { stack in
                    try await Demo(stack: stack, console: console, json: json).run()
                }
            }
            if isInterrupted { throw CancellationError() }
        }
    }
}

/// What the demo does once the stack is there.
private struct Demo: Sendable {
    let stack: Stack
    let console: Console
    let json: Bool

    /// Variables that could turn tracing off, unset.
    static let tracingOn = Dictionary(
        uniqueKeysWithValues: [
            "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG",
            "OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        ].map { ($0, "") }
    )

    func run() async throws {
        var environment = ProcessInfo.processInfo.environment.merging(Self.tracingOn) { $1 }
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] =
            stack.configuration.externalTraces ?? stack.configuration.otlpEndpoint
        let session = Session(environment: environment)
        let user = try await createUser(session)
        console.progress("created user \(user.id)")
        let (order, traceID) = try await createOrder(session, userID: user.id)
        console.progress("created order \(order.id), waiting for its notification")
        try await waitForNotification(session, orderID: order.id)
        let (trace, journey) = try await waitForTrace(traceID)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let data = try encoder.encode(TraceReport(trace: trace, journey: journey))
            console.print(String(decoding: data, as: UTF8.self))
        } else {
            let renderer = TraceRenderer(columns: console.columns, color: console.color)
            console.print("\n" + renderer.render(trace))
            console.print(renderer.render(journey))
        }
        guard journey.isComplete else {
            throw Failure.refused(
                "the trace \(traceID) is not complete:\n" + journey.missing.map { "  – \($0)" }.joined(separator: "\n")
            )
        }
    }

    private func createUser(_ session: Session) async throws -> Contrail_Users_V1_User {
        let target = NetworkAddress(host: "127.0.0.1", port: stack.configuration.ports.users.grpc)
        return try await session.run("contrail demo: create user") { _ in
            try await session.withUsers(at: target) { users in
                // A new address each time: the data of the last demo is still there.
                let name = "ada+\(UInt32.random(in: .min ... .max))"
                return try await users.createUser(
                    .with { ($0.email, $0.displayName) = ("\(name)@example.com", "Ada") }
                ).user
            }
        }
    }

    private func createOrder(
        _ session: Session,
        userID: String
    ) async throws -> (order: Contrail_Orders_V1_Order, traceID: String) {
        let target = NetworkAddress(host: "127.0.0.1", port: stack.configuration.ports.orders.grpc)
        return try await session.run("contrail demo") { traceID in
            let order = try await session.withOrders(at: target) { orders in
                try await orders.createOrder(
                    .with {
                        $0.userID = userID
                        $0.currencyCode = "EUR"
                        $0.lines = [
                            .with { ($0.sku, $0.quantity, $0.unitPriceMinorUnits) = ("book", 2, 1250) },
                            .with { ($0.sku, $0.quantity, $0.unitPriceMinorUnits) = ("pen", 1, 99) },
                        ]
                    }
                ).order
            }
            return (order, traceID)
        }
    }

    private func waitForNotification(_ session: Session, orderID: String) async throws {
        let target = NetworkAddress(host: "127.0.0.1", port: stack.configuration.ports.notifications.grpc)
        try await session.untraced {
            try await session.withNotifications(at: target) { notifications in
                let deadline = ContinuousClock.now + .seconds(30)
                while ContinuousClock.now < deadline {
                    let page = try await notifications.listNotifications(.with { $0.orderID = orderID })
                    if !page.notifications.isEmpty { return }
                    try await Task.sleep(for: .milliseconds(50))
                }
                throw Failure.refused("no notification for order \(orderID) within 30 seconds")
            }
        }
    }

    /// Waits until every process has sent its spans of the trace.
    private func waitForTrace(_ id: String) async throws -> (Trace, Journey) {
        let lookup =
            stack.configuration.externalTraces == nil
            ? TraceLookup(url: stack.configuration.queryURL) : TraceLookup()
        let deadline = ContinuousClock.now + .seconds(15)
        while true {
            if let trace = try await lookup.trace(id) {
                let journey = Journey(trace)
                if journey.isComplete || ContinuousClock.now >= deadline { return (trace, journey) }
            } else if ContinuousClock.now >= deadline {
                throw Failure.refused("\(lookup.url) has no trace \(id) after 15 seconds")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
