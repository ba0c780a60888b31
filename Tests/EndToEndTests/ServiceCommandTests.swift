import ContrailCLI
import Foundation
import LocalStack
import Logging
import TestKit
import Testing

extension EndToEnd {
    @Suite("What containers ask of a service")
    struct ServiceCommandTests {
        private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

        @Test("migrate prepares what the service needs and ends; healthcheck follows the service's readiness")
        func commands() async throws {
            let folder = FileManager.default.temporaryDirectory.path + "/contrail-jobs-\(UUID().uuidString.prefix(8))"
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let database = try await PostgresServer.start(in: folder + "/pg", fsync: false, logger: logger)
            let nats = try await NATSServer.start(in: folder + "/nats", logger: logger)
            var environment = try await database.ensureDatabase(name: "orders")
            environment["NATS_URL"] = nats.url
            environment["OTEL_TRACES_EXPORTER"] = "none"
            // As in a container: the password is in a file.
            let secret = folder + "/password"
            try Data(((environment.removeValue(forKey: "PGPASSWORD") ?? "") + "\n").utf8)
                .write(to: URL(fileURLWithPath: secret))
            // And what is no secret comes from a file, too.
            let file = folder + "/orders.env"
            try Data("# Where they are\nNATS_URL=\(nats.url)\nPGPASSWORD_FILE=\(secret)\n".utf8)
                .write(to: URL(fileURLWithPath: file))
            environment["NATS_URL"] = nil
            environment["NATS_URL"] = nil
            environment["CONTRAIL_SETTINGS_FILE"] = file

            for attempt in 1...2 {
                let job = try await Tool.run("orders-service", ["migrate"], environment: environment)
                #expect(job.status == .exited(0), "attempt \(attempt): \(job.output)")
                // Once there are all tables, nothing is left to apply.
                #expect(job.output.contains("Applied migration") == (attempt == 1))
            }
            let streams = try await Admin.get("\(nats.monitoringURL)/jsz?streams=true")
            #expect(streams.body.contains("\"ORDERS\""))

            let service = try await LoneService.start("orders", environment.merging(["NATS_URL": nats.url]) { $1 })
            defer { service.remove() }
            let check = {
                try await Tool.run("orders-service", ["healthcheck"], environment: service.listening)
            }
            #expect(await eventually { await service.get("/readyz")?.status == 200 }, "\(service.log.suffix(5))")
            let ready = try await check()
            #expect(ready.status == .exited(0) && ready.output.hasSuffix(" SERVING\n"), "\(ready.output)")

            // Without NATS orders are accepted, and their events wait in the outbox.
            await nats.stop()
            #expect(await eventually { await service.get("/readyz")?.status == 503 })
            let delayed = try await check()
            #expect(delayed.status == .exited(0) && delayed.output.hasSuffix(" SERVING\n"), "\(delayed.output)")

            await database.stop()
            #expect(await eventually { (try? await check())?.status == .exited(1) })
            let unready = try await check()
            #expect(unready.status == .exited(1) && unready.output.hasSuffix(" NOT_SERVING\n"), "\(unready.output)")

            #expect(await service.process.terminate(grace: .seconds(15)) == .exited(0))
            let gone = try await check()
            #expect(gone.status == .exited(1) && gone.output.contains("does not answer"), "\(gone.output)")
            #expect(gone.output.split(separator: "\n").count == 1)
        }

        @Test("migrate that is stopped before it is done has not succeeded, and wrong settings are 78")
        func interrupted() async throws {
            let service = try await LoneService.start("users", arguments: ["migrate"])
            defer { service.remove() }
            #expect(await eventually { service.log.contains { $0.contains("PostgreSQL is unavailable") } })
            #expect(await service.process.terminate(grace: .seconds(15)) == .exited(1), "\(service.log.suffix(5))")

            let wrong = try await Tool.run(
                "users-service",
                ["migrate"],
                environment: ["PGPASSWORD_FILE": "/nonexistent"]
            )
            #expect(wrong.status == .exited(78) && wrong.output.contains("PGPASSWORD_FILE"), "\(wrong.output)")
            let check = try await Tool.run(
                "users-service",
                ["healthcheck"],
                environment: ["CONTRAIL_GRPC_LISTEN": "nowhere"]
            )
            #expect(check.status == .exited(78) && check.output.contains("CONTRAIL_GRPC_LISTEN"), "\(check.output)")
        }
    }
}
