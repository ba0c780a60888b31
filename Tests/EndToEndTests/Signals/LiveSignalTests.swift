import Contracts
import ContrailCLI
import ContrailInstrumentation
import Foundation
import GRPCCore
import JetStream
import Logging
import Observability
import SwiftProtobuf
import TestKit
import Testing
import TraceBackend

@testable import LocalStack

extension EndToEnd {
    @Suite(
        "Running services show what the catalogue of signals says, and all of it",
        .python,
        .peer(.mailSink),
        .stack { _ in
            [
                "CONTRAIL_NOTIFICATION_PROVIDER": "smtp",
                "CONTRAIL_SMTP_URL": "smtp://127.0.0.1:\(Peer.running[.mailSink]?.port ?? 0)",
                "CONTRAIL_LOG_LEVEL": "trace",
                // What is tried again is late.
                "CONTRAIL_NOTIFICATION_LATE_AFTER": "1s",
                "CONTRAIL_USERS_BREAKER": "failure=50%,calls=8,window=10s,open=1s",
            ]
        }
    )
    struct LiveSignalTests {
        private static let services = ["users", "orders", "notifications"]

        @Test("Metrics, spans and log lines of ordinary work, of faults and of both ends of a process")
        func everything() async throws {
            var signals = SeenSignals(try await SignalCatalogue.make())
            let stack = try Stack.required()
            let admin = Admin(stack)
            // Lines of the start are there before anything happens.
            let waiting = try await Shop.open { shop in
                try await ordinaryWork(shop)
                try await refusals(shop)
                try await poison(shop)
                let waiting = [try await usersAway(shop)] + (try await brokerAway(shop))
                try await databaseAway(shop)
                try await brokenDatabase(shop)
                return waiting
            }
            for scrape in waiting { signals.read(metrics: scrape.text, of: scrape.service) }
            for service in Self.services {
                signals.read(metrics: try await admin.get(service, "/metrics").body, of: service)
            }
            try await inboxCleaning(stack)
            try await logProvider(stack, &signals)
            try await mailServerAway(stack, &signals)
            try await loneServices(stack, &signals)

            for service in Self.services {
                #expect(await stack.service(service).stop(grace: .seconds(15)) == .exited(0))
                try signals.read(log: log(stack, service), of: service)
            }
            for summary in stack.traces.summaries(limit: .max) {
                if let trace = stack.traces.trace(summary.traceID) { signals.read(trace) }
            }
            #expect(signals.strange.sorted() == [], "not in the catalogue, or not so")
            #expect(signals.missing.sorted() == [], "in the catalogue, and not seen")
            #expect(signals.unexpectedlySeen == [], "the catalogue calls it rare")
        }

        // MARK: What happens

        private func ordinaryWork(_ shop: Shop) async throws {
            // Refused twice by the mail server: attempts, waits and links.
            let slow = try await shop.createUser(email: "greylisted-\(UUID().uuidString)@example.com")
            let user = try await shop.createUser()
            let order = try await shop.createOrder(user: user.id)
            _ = try await shop.orders.payOrder(.with { ($0.orderID, $0.paymentReference) = (order.id, "p") })
            _ = try await shop.orders.shipOrder(.with { ($0.orderID, $0.trackingNumber) = (order.id, "t") })
            let other = try await shop.createOrder(user: user.id)
            _ = try await shop.orders.cancelOrder(.with { ($0.orderID, $0.reason) = (other.id, "r") })
            _ = try await shop.orders.getOrder(.with { $0.orderID = order.id })
            for event in ["order.created", "order.paid", "order.shipped"] {
                _ = try await shop.notification(ofOrder: order.id, event: event)
            }
            _ = try await shop.notification(ofOrder: other.id, event: "order.cancelled")
            let isWelcomed = try await eventually {
                let list = try await shop.notifications.listNotifications(.with { $0.userID = slow.id })
                return list.notifications.map(\.attempts) == [3]
            }
            #expect(isWelcomed)
            for service in Self.services { #expect(try await health(shop.stack, of: service) == .serving) }
        }

        private func refusals(_ shop: Shop) async throws {
            let user = try await shop.createUser()
            let calls: [() async throws -> Void] = [
                { _ = try await shop.createUser(email: user.email) },
                { _ = try await shop.createUser(email: "nobody") },
                { _ = try await shop.createOrder(user: UUID().uuidString) },
                { _ = try await shop.orders.getOrder(.with { $0.orderID = UUID().uuidString }) },
            ]
            for call in calls { _ = try await refusal(call) }
        }

        /// Messages of others: one that nobody can read, and one event in two messages.
        private func poison(_ shop: Shop) async throws {
            let user = try await shop.createUser()
            let order = UUID().uuidString.lowercased()
            let event =
                try Contrail_Events_V1_OrderShipped.with {
                    ($0.orderID, $0.userID, $0.trackingNumber) = (order, user.id, "t")
                }.serializedBytes() as [UInt8]
            let connection = try await connect(shop)
            let stream = JetStreamContext(connection)
            let (_, traceID) = try await shop.traced("poison") {
                _ = try await stream.publish(subject: "order.shipped", headers: headers("p"), payload: [10, 255, 1])
            }
            for number in 1...2 {
                _ = try await shop.traced("duplicate") {
                    _ = try await stream.publish(
                        subject: "order.shipped",
                        headers: headers("duplicate"),
                        payload: event,
                        messageID: "duplicate-\(number)"
                    )
                }
            }
            let isDead = await eventually {
                shop.stack.traces.trace(traceID)?.spans.contains { $0.name == "advisory terminated" } == true
            }
            #expect(isDead)
            // Somebody reads the dead letter and never says that it is done.
            var impatient = ConsumerConfiguration(durableName: "impatient")
            impatient.ackWait = .milliseconds(100)
            impatient.maxDeliver = 1
            _ = try await stream.ensureConsumer(impatient, on: "DEAD_LETTERS")
            let messages = try stream.messages(stream: "DEAD_LETTERS", consumer: "impatient")
            _ = try await messages.next()
            let isExceeded = await eventually {
                shop.stack.traces.trace(traceID)?.spans.contains { $0.name == "advisory max_deliveries" } == true
            }
            #expect(isExceeded)
            messages.stop()
            await connection.shutdown()
            let redriven = try await shop.notifications.redriveDeadLetters(.with { $0.all = true })
            #expect(redriven.results.map(\.outcome) == [.redriven])
            _ = try await shop.notification(ofOrder: order, event: "order.shipped")
        }

        private func connect(_ shop: Shop) async throws -> NATSConnection {
            try await NATSConnection.connect(
                try NATSConfiguration(environment: ["NATS_URL": shop.stack.nats.url]),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
        }

        private func headers(_ id: String) -> NATSHeaders {
            var headers: NATSHeaders = ["ce-id": id, "ce-type": "order.shipped", "ce-source": "/test"]
            for (name, value) in TraceHeaders.current() { headers.set(name, to: value) }
            return headers
        }

        private typealias Scrape = (service: String, text: String)

        /// Reads a service's metrics once an event waits somewhere.
        private func whileWaiting(_ shop: Shop, _ service: String) async throws -> Scrape {
            var text = ""
            let isWaiting = try await eventually {
                text = try await Admin(shop.stack).get(service, "/metrics").body
                return text.contains("notification_oldest_pending_timestamp_seconds{place=")
            }
            #expect(isWaiting, "\(service)")
            return (service, text)
        }

        /// Notifications wait while nobody knows the customers, and calls are refused until somebody does.
        private func usersAway(_ shop: Shop) async throws -> Scrape {
            let user = try await shop.createUser()
            var orders: [String] = []
            for _ in 1...4 { orders.append(try await shop.createOrder(user: user.id).id) }
            for order in orders { _ = try await shop.notification(ofOrder: order, event: "order.created") }
            await shop.stack.service("users").stop(grace: .seconds(15))
            for order in orders {
                let (_, traceID) = try await shop.traced("pay") {
                    try await shop.orders.payOrder(.with { ($0.orderID, $0.paymentReference) = (order, "p") })
                }
                guard order == orders.first else { continue }
                // One look-up does not open the circuit breaker: it is tried again at once.
                let isTriedAgain = await eventually {
                    shop.stack.traces.trace(traceID)?.spans.contains { $0.attributes["contrail.attempt"] != nil }
                        == true
                }
                #expect(isTriedAgain)
            }
            let scrape = try await whileWaiting(shop, "notifications")
            #expect(
                try await eventually {
                    _ = try await refusal { _ = try await shop.createOrder(user: user.id) }
                    return ["orders", "notifications"].allSatisfy {
                        log(shop.stack, $0).contains("circuit breaker opened")
                    }
                }
            )
            _ = try await refusal { _ = try await shop.createOrder(user: user.id) }
            // The clock of the process that tried before is ahead of that of the next one.
            try await shop.stack.sql("notifications", "UPDATE attempts SET failed_at = failed_at + interval '1 minute'")
            try await shop.stack.service("users").restart()
            for order in orders { _ = try await shop.notification(ofOrder: order, event: "order.paid") }
            let isClosed = try await eventually {
                if let order = try? await shop.createOrder(user: user.id) {
                    _ = try await shop.notification(ofOrder: order.id, event: "order.created")
                }
                return ["orders", "notifications"].allSatisfy {
                    log(shop.stack, $0).contains("circuit breaker closed")
                }
            }
            #expect(isClosed)
            return scrape
        }

        /// Orders go on while the broker is away, and are published when it is back.
        private func brokerAway(_ shop: Shop) async throws -> [Scrape] {
            let admin = Admin(shop.stack)
            let user = try await shop.createUser()
            // The mail server takes the welcome, and the broker goes before it hears of that.
            let slow = "slow-\(UUID().uuidString)@example.com"
            _ = try await shop.createUser(email: slow)
            let mails = try Peer.required(.mailSink)
            #expect(await eventually { mails.text("mails.jsonl").contains(slow) })
            let before = log(shop.stack, "notifications").count
            _ = await shop.stack.nats.kill()
            let (order, _) = try await shop.traced("order") { try await shop.createOrder(user: user.id) }
            _ = try await shop.createUser()
            for service in Self.services { #expect(try await admin.becomes(503, service, naming: "nats")) }
            for service in ["orders", "users"] {
                #expect(await eventually { log(shop.stack, service).contains("event was not published") })
            }
            let isNoticed = await eventually {
                log(shop.stack, "notifications").dropFirst(before).contains("event will be delivered again")
            }
            #expect(isNoticed)
            let scrapes = [try await whileWaiting(shop, "orders"), try await whileWaiting(shop, "users")]
            // The clock of the database is ahead of that of the service.
            let failures = log(shop.stack, "orders").count
            try await shop.stack.sql("orders", "UPDATE outbox SET recorded_at = recorded_at + interval '1 minute'")
            // What is under way has been read before that.
            let isReadAgain = await eventually {
                log(shop.stack, "orders").dropFirst(failures).contains("event was not published")
            }
            #expect(isReadAgain)
            try await shop.stack.nats.restart()
            for service in Self.services { #expect(try await admin.becomes(200, service, naming: "ok")) }
            _ = try await shop.notification(ofOrder: order.id, event: "order.created")
            return scrapes
        }

        private func databaseAway(_ shop: Shop) async throws {
            let admin = Admin(shop.stack)
            let user = try await shop.createUser()
            _ = await shop.stack.postgres.kill()
            let calls: [() async throws -> Void] = [
                { _ = try await shop.users.getUser(.with { $0.id = user.id }) },
                { _ = try await shop.orders.getOrder(.with { $0.orderID = user.id }) },
                { _ = try await shop.notifications.listNotifications(.with { $0.userID = user.id }) },
            ]
            for call in calls { #expect(try await refusal(call).code == .unavailable) }
            for service in Self.services { #expect(try await admin.becomes(503, service, naming: "postgresql")) }
            for service in ["users", "orders"] {
                #expect(await eventually { log(shop.stack, service).contains("outbox relay waits") })
            }
            // An event comes in between, and again.
            let order = UUID().uuidString.lowercased()
            let event =
                try Contrail_Events_V1_OrderShipped.with {
                    ($0.orderID, $0.userID, $0.trackingNumber) = (order, user.id, "t")
                }.serializedBytes() as [UInt8]
            let connection = try await connect(shop)
            _ = try await JetStreamContext(connection).publish(
                subject: "order.shipped",
                headers: headers("between"),
                payload: event
            )
            await connection.shutdown()
            for line in [
                "notifications cannot be counted", "an attempt cannot be kept", "earlier attempts cannot be read",
            ] {
                #expect(await eventually { log(shop.stack, "notifications").contains(line) }, "\(line)")
            }
            try await shop.stack.postgres.restart()
            for service in Self.services { #expect(try await admin.becomes(200, service, naming: "ok")) }
            _ = try await shop.notification(ofOrder: order, event: "order.shipped")
        }

        /// A table that is gone is nothing that a handler plans for.
        private func brokenDatabase(_ shop: Shop) async throws {
            let id = UUID().uuidString
            let tables: [(database: String, table: String, call: () async throws -> Void)] = [
                ("users", "users", { _ = try await shop.users.getUser(.with { $0.id = id }) }),
                ("orders", "events", { _ = try await shop.orders.getOrder(.with { $0.orderID = id }) }),
                (
                    "notifications", "notifications",
                    { _ = try await shop.notifications.listNotifications(.with { $0.userID = id }) }
                ),
            ]
            for (database, table, call) in tables {
                try await shop.stack.sql(database, "ALTER TABLE \(table) RENAME TO gone")
                #expect(try await refusal(call).code == .internalError)
                try await shop.stack.sql(database, "ALTER TABLE gone RENAME TO \(table)")
            }
        }

        /// Events of long ago are forgotten after a start, unless that fails.
        private func inboxCleaning(_ stack: Stack) async throws {
            for (before, line, after) in [
                ("ALTER TABLE inbox RENAME TO gone", "inbox was not cleaned", "ALTER TABLE gone RENAME TO inbox"),
                ("UPDATE inbox SET handled_at = handled_at - interval '60 days'", "inbox cleaned", "SELECT 1"),
            ] {
                try await stack.sql("notifications", before)
                try await stack.service("notifications").restart()
                #expect(await eventually { log(stack, "notifications").contains(line) })
                try await stack.sql("notifications", after)
            }
        }

        /// The same service with the provider of the local stack, and with callers whom it does not trust.
        private func logProvider(_ stack: Stack, _ signals: inout SeenSignals) async throws {
            await stack.service("notifications").stop(grace: .seconds(15))
            let port = try FreePort.reserve()
            let variables = [
                "CONTRAIL_NOTIFICATION_PROVIDER": "log", "CONTRAIL_GRPC_LISTEN": "127.0.0.1:\(port)",
                "CONTRAIL_GRPC_CALLERS": "restart",
            ]
            let lone = try await start("notifications", on: stack, variables)
            defer { lone.remove() }
            #expect(await eventually { await lone.get("/readyz")?.status == 200 })
            // A caller who is not trusted: the span links to the caller's.
            try await callSomething(port)
            try await Shop.open { shop in
                let user = try await shop.createUser()
                _ = try await shop.traced("order") { try await shop.createOrder(user: user.id) }
                #expect(await eventually { lone.log.contains { $0.contains("notification delivered") } })
            }
            #expect(await lone.process.terminate(grace: .seconds(15)) == .exited(0))
            try signals.read(log: lone.log.joined(separator: "\n"), of: "notifications")
            try await stack.service("notifications").restart()
        }

        /// The mail server is not there, so that mails are refused before they are sent.
        private func mailServerAway(_ stack: Stack, _ signals: inout SeenSignals) async throws {
            await stack.service("notifications").stop(grace: .seconds(15))
            let variables = [
                "CONTRAIL_NOTIFICATION_PROVIDER": "smtp",
                "CONTRAIL_SMTP_URL": "smtp://127.0.0.1:\(try FreePort.reserve())",
                "CONTRAIL_SMTP_BREAKER": "failure=50%,calls=2,window=10s,open=10s",
            ]
            let lone = try await start("notifications", on: stack, variables)
            defer { lone.remove() }
            #expect(await eventually { await lone.get("/readyz")?.status == 200 })
            try await Shop.open { shop in
                let user = try await shop.createUser()
                var order = ""
                for _ in 1...4 {
                    (order, _) = try await shop.traced("order") { try await shop.createOrder(user: user.id).id }
                }
                let isRefused = await eventually {
                    lone.log.contains { $0.contains("breaker_open") && $0.contains("will be delivered again") }
                }
                #expect(isRefused, "\(lone.log.suffix(5))")
                #expect(await lone.process.terminate(grace: .seconds(15)) == .exited(0))
                try await stack.service("notifications").restart()
                _ = try await shop.notification(ofOrder: order, event: "order.created")
            }
            try signals.read(log: lone.log.joined(separator: "\n"), of: "notifications")
        }

        /// Processes that lack something, or cannot work at all.
        private func loneServices(_ stack: Stack, _ signals: inout SeenSignals) async throws {
            for service in Self.services {
                // No servers, and a wrong variable.
                let lonely = try await LoneService.start(
                    service,
                    ["OTEL_TRACES_SAMPLER": "sometimes", "CONTRAIL_LOG_LEVEL": "trace"]
                )
                defer { lonely.remove() }
                let waits = ["waiting for NATS", "PostgreSQL is unavailable"]
                #expect(await eventually { waits.allSatisfy { text in lonely.log.contains { $0.contains(text) } } })
                #expect(await lonely.process.terminate(grace: .seconds(15)) == .exited(0))
                try signals.read(log: lonely.log.joined(separator: "\n"), of: service)

                // More servers than there are.
                let demanding = try await start(service, on: stack, ["CONTRAIL_STREAM_REPLICAS": "3"])
                defer { demanding.remove() }
                #expect(await eventually { demanding.log.contains { $0.contains("waiting for what") } })
                #expect(await demanding.process.terminate(grace: .seconds(15)) == .exited(0))
                try signals.read(log: demanding.log.joined(separator: "\n"), of: service)

                // Another service's database.
                let other = service == "users" ? "orders" : "users"
                let lost = try await start(service, on: stack, try await stack.postgres.ensureDatabase(name: other))
                defer { lost.remove() }
                #expect(try await lost.process.waitForExit() == .exited(1))
                try signals.read(log: lost.log.joined(separator: "\n"), of: service)

                // A trace backend that never answers.
                let (port, hole) = (try FreePort.reserve(), try FreePort.reserve())
                let silence = try #require(LoopbackSocket())
                try #require(silence.bind(port: hole) && silence.listen())
                let variables = [
                    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(hole)", "OTEL_EXPORTER_OTLP_TIMEOUT": "4000",
                    "OTEL_BSP_SCHEDULE_DELAY": "100",
                    "CONTRAIL_GRPC_LISTEN": "127.0.0.1:\(port)", "CONTRAIL_SHUTDOWN_GRACE": "1s",
                ]
                let blind = try await start(service, on: stack, variables)
                defer { blind.remove() }
                #expect(await eventually { await blind.get("/readyz")?.status == 200 })
                try await callSomething(port)
                #expect(await eventually { blind.log.contains { $0.contains("Telemetry was lost") } }, "\(blind.log)")
                try await callSomething(port)
                #expect(await blind.process.terminate(grace: .seconds(15)) == .exited(0))
                withExtendedLifetime(silence) {}
                try signals.read(log: blind.log.joined(separator: "\n"), of: service)

                // Logs for the trace backend, and no trace that the head chooses: they are held.
                let frugalPort = try FreePort.reserve()
                let frugal = try await start(
                    service,
                    on: stack,
                    [
                        "OTEL_LOGS_EXPORTER": "otlp", "OTEL_TRACES_SAMPLER": "traceidratio",
                        "OTEL_TRACES_SAMPLER_ARG": "0",
                        "CONTRAIL_GRPC_LISTEN": "127.0.0.1:\(frugalPort)",
                    ]
                )
                defer { frugal.remove() }
                #expect(await eventually { await frugal.get("/readyz")?.status == 200 })
                try await callSomething(frugalPort)
                var metrics = ""
                let isShown = await eventually {
                    metrics = await frugal.get("/metrics")?.body ?? ""
                    return ["contrail_trace_tail_oldest_timestamp_seconds ", "otel_sdk_exporter_log_exported_total{"]
                        .allSatisfy { metrics.contains("\n" + $0) }
                }
                #expect(isShown, "\(service)")
                signals.read(metrics: metrics, of: service)
                #expect(await frugal.process.terminate(grace: .seconds(15)) == .exited(0))
                try signals.read(log: frugal.log.joined(separator: "\n"), of: service)
            }
        }

        // MARK: Helpers

        /// Starts a further process of a service on the stack's servers.
        private func start(
            _ service: String,
            on stack: Stack,
            _ variables: [String: String]
        ) async throws -> LoneService {
            var environment = try await stack.postgres.ensureDatabase(name: service)
            environment["NATS_URL"] = stack.nats.url
            environment["CONTRAIL_USERS_TARGET"] = "127.0.0.1:\(stack.configuration.ports.users.grpc)"
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = stack.configuration.otlpEndpoint
            environment["CONTRAIL_LOG_LEVEL"] = "trace"
            return try await LoneService.start(service, environment.merging(variables) { $1 })
        }

        private func log(_ stack: Stack, _ service: String) -> String {
            (try? String(contentsOfFile: stack.service(service).process.logFile, encoding: .utf8)) ?? ""
        }

        private func health(
            _ stack: Stack,
            of service: String
        ) async throws -> Grpc_Health_V1_HealthCheckResponse.ServingStatus {
            let ports = stack.configuration.ports
            let port = ["users": ports.users.grpc, "orders": ports.orders.grpc][service] ?? ports.notifications.grpc
            return try await withClient(port) { client in
                try await Grpc_Health_V1_Health.Client(wrapping: client.client).check(.init()).status
            }
        }

        /// Calls a method that the service does not have: a span in any service.
        private func callSomething(_ port: Int) async throws {
            _ = try await withClient(port) { client in
                let users = Contrail_Users_V1_UserService.Client(wrapping: client.client)
                let orders = Contrail_Orders_V1_OrderService.Client(wrapping: client.client)
                let notifications = Contrail_Notifications_V1_NotificationService.Client(wrapping: client.client)
                _ = try? await users.getUser(.with { $0.id = "none" })
                _ = try? await orders.getOrder(.with { $0.orderID = "none" })
                _ = try? await notifications.listNotifications(.with { $0.pageSize = -1 })
            }
        }

        private func withClient<T: Sendable>(
            _ port: Int,
            _ body: (TracedGRPCClient) async throws -> T
        ) async throws -> T {
            let client = try TracedGRPCClient(
                target: NetworkAddress(host: "127.0.0.1", port: port),
                timeout: .seconds(10),
                telemetry: .unseen
            )
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await client.run() }
                defer { client.beginGracefulShutdown() }
                return try await body(client)
            }
        }
    }
}

extension Stack {
    /// One of the services.
    func service(_ name: String) -> ServiceProcess {
        // There are always three.
        services.first { $0.name == name }?.process ?? services[0].process
    }
}

extension Telemetry {
    /// Telemetry that nobody looks at.
    fileprivate static var unseen: Telemetry {
        Telemetry(
            provider: TracerProvider(resource: Resource(attributes: [:]), processor: NoOpSpanProcessor()),
            metrics: MetricsRegistry(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}
