import Contracts
import ContrailCLI
import Foundation
import GRPCCore
import LocalStack
import Logging
import SwiftProtobuf
import TestKit
import Testing

extension EndToEnd {
    @Suite("The life of a process")
    struct LifecycleTests {
        @Test(
            "A service without PostgreSQL, NATS and trace backend waits, says for what, and stops in time",
            arguments: ["users", "orders", "notifications"]
        )
        func nothingThere(_ name: String) async throws {
            let service = try await LoneService.start(name)
            defer { service.remove() }
            #expect(await eventually { await service.get("/livez")?.status == 200 })
            #expect(
                await eventually {
                    guard let answer = await service.get("/readyz") else { return false }
                    return answer.status == 503 && answer.body.contains("postgresql") && answer.body.contains("nats")
                }
            )
            // Says what it waits for, in JSON, because a log file is no terminal.
            #expect(await eventually { service.log.contains { $0.lowercased().contains("waiting") } })
            for line in service.log {
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                #expect(object?["severity_text"] is String, "not a log object: \(line)")
            }
            let status = await service.process.terminate(grace: .seconds(15))
            #expect(status == .exited(0), "\(service.log.suffix(5))")
        }

        @Test("Services that are started before their servers become ready when those come")
        func anyOrder() async throws {
            let folder = FileManager.default.temporaryDirectory.path + "/contrail-late-\(UUID().uuidString.prefix(8))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let ports = try FreePort.reserve(count: 3)
            // The database's password is only known once it exists, so it exists first, and is stopped again.
            let database = try await PostgresServer.start(
                in: folder + "/pg",
                port: ports[0],
                fsync: false,
                logger: logger
            )
            let access = try await database.ensureDatabase(name: "orders")
            await database.stop()
            let service = try await LoneService.start(
                "orders",
                access.merging(["NATS_URL": "nats://127.0.0.1:\(ports[1])"]) { $1 }
            )
            defer { service.remove() }
            #expect(await eventually { await service.get("/readyz")?.status == 503 })
            let nats = try await NATSServer.start(
                in: folder + "/nats",
                port: ports[1],
                monitoringPort: ports[2],
                logger: logger
            )
            try await database.restart()
            #expect(await eventually { await service.get("/readyz")?.status == 200 }, "\(service.log.suffix(5))")
            #expect(await service.process.terminate(grace: .seconds(15)) == .exited(0))
            await nats.stop()
            await database.stop()
        }

        @Test("A service that waits for NATS only stops at once and without errors")
        func waitingForNATS() async throws {
            let folder = FileManager.default.temporaryDirectory.path + "/contrail-wait-\(UUID().uuidString.prefix(8))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let database = try await PostgresServer.start(in: folder, fsync: false, logger: logger)
            let service = try await LoneService.start("orders", try await database.ensureDatabase(name: "orders"))
            defer { service.remove() }
            let waits = await eventually {
                guard let answer = await service.get("/readyz") else { return false }
                return answer.body.contains("\"postgresql\":\"ok\"") && answer.body.contains("not connected yet")
            }
            #expect(waits)
            #expect(await service.process.terminate(grace: .seconds(15)) == .exited(0))
            #expect(!service.log.contains { $0.contains("\"error\"") || $0.contains("critical") }, "\(service.log)")
            // Not cut short by the grace period, whose half is five seconds.
            #expect(!service.log.contains { $0.contains("Cancellation") })
            await database.stop()
        }

        @Test("A password in a wrong place is not printed")
        func secretSetting() async throws {
            let service = try await LoneService.start(
                "notifications",
                [
                    "CONTRAIL_NOTIFICATION_PROVIDER": "smtp",
                    "CONTRAIL_SMTP_URL": "smtp://bob:s3cret@mail.example.com:25",
                ]
            )
            defer { service.remove() }
            #expect(try await service.process.waitForExit() == .exited(78))
            #expect(service.log.contains { $0.contains("CONTRAIL_SMTP_URL") })
            #expect(!service.log.contains { $0.contains("s3cret") })
        }

        @Test("A wrong setting ends the start with the variable's name and exit code 78")
        func wrongSettings() async throws {
            for (key, value) in [
                ("CONTRAIL_GRPC_LISTEN", "nowhere"), ("PGPORT", "many"), ("NATS_URL", "http://x"),
                ("CONTRAIL_SHUTDOWN_GRACE", "soon"), ("CONTRAIL_SHUTDOWN_GRACE", "9223372036854775807m"),
                ("CONTRAIL_LOG_LEVEL", "loud"),
            ] {
                let service = try await LoneService.start("orders", [key: value])
                let status = try await service.process.waitForExit()
                #expect(status == .exited(78))
                #expect(service.log.contains { $0.contains(key) }, "\(key): \(service.log)")
                service.remove()
            }
        }

        @Test(
            "--help lists the settings, --version the version, anything else is refused",
            arguments: ["users", "orders", "notifications"]
        )
        func help(_ name: String) async throws {
            let help = try await Tool.run("\(name)-service", ["--help"])
            #expect(help.status == .exited(0))
            #expect(help.output.contains("NATS_URL") && help.output.contains("PGHOST"))
            #expect(try await Tool.run("\(name)-service", ["--version"]).output.contains("0."))
            #expect(try await Tool.run("\(name)-service", ["--fast"]).status == .exited(64))
        }
    }
}

extension EndToEnd {
    @Suite("Stopping services under load", .stack)
    struct ShutdownTests {
        @Test("SIGTERM lets calls that run finish, loses nothing that was acknowledged, and ends with 0")
        func underLoad() async throws {
            try await Shop.open { shop in
                let user = try await shop.createUser()
                let service = try #require(shop.stack.services.first { $0.name == "orders" })
                // Calls run one after the other until the service refuses: each outcome is known.
                let placed = try await withThrowingTaskGroup(of: [String].self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            var placed: [String] = []
                            while true {
                                do {
                                    placed.append(try await shop.createOrder(user: user.id).id)
                                } catch let error as RPCError {
                                    #expect(error.code == .unavailable, "\(error)")
                                    return placed
                                }
                            }
                        }
                    }
                    let seen = await eventually {
                        (try? await shop.notifications.listNotifications(.with { $0.userID = user.id }))?
                            .notifications.count ?? 0 > 10
                    }
                    #expect(seen)
                    let status = await service.process.stop(grace: .seconds(15))
                    #expect(status == .exited(0))
                    return try await group.reduce(into: []) { $0 += $1 }
                }
                #expect(placed.count > 10)
                // What the relay had not published waits in the outbox for the next start.
                try await service.process.restart()
                let notified = try await shop.allNotifications(
                    ofUser: user.id,
                    event: "order.created",
                    count: placed.count
                )
                #expect(Set(notified.map(\.orderID)) == Set(placed))
                #expect(notified.count == placed.count)
            }
        }
    }
}
