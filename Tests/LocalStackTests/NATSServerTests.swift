internal import Foundation
internal import Glibc
internal import Testing

@testable internal import LocalStack

@Suite("NATS server")
struct NATSServerTests {
    @Test("is found with its version")
    func locate() async throws {
        let found = try await NATSServer.locate(logger: logger)
        #expect(found.isAtLeast([2, 14]))
    }

    @Test("an old version is refused with its path, version and the remedy")
    func tooOld() async throws {
        try await withTemporaryDirectory { directory in
            // A program of version 1; writing one would race with the starts of other tests (ETXTBSY).
            let fake = "\(directory)/nats-server"
            try FileManager.default.createSymbolicLink(atPath: fake, withDestinationPath: "/bin/tar")
            let version = try #require(await Installation.probe(fake, logger: logger)).version
            let error = await #expect(throws: LocalStackError.self) {
                _ = try await NATSServer.locate(environment: ["NATS_SERVER": fake], logger: logger)
            }
            #expect(error?.code == .notInstalled)
            for part in [fake, version, "2.14", "dev/setup"] {
                #expect(error?.message.contains(part) == true, "\(part) in \(error?.message ?? "nothing")")
            }
        }
    }

    @Test("starts, is killed, starts again on the same port, and stops")
    func lifecycle() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await NATSServer.start(in: directory, logger: logger)
            #expect(server.url == "nats://127.0.0.1:\(server.port)")
            #expect(try await monitoring(server).contains("\"sync_always\": true"))
            let port = server.port
            #expect(await server.kill() == .signalled(SIGKILL))
            #expect(FreePort.isFree(port) || !server.process.isRunning)
            try await server.restart()
            #expect(server.port == port)
            #expect(server.process.isRunning)
            #expect(await server.stop().isSuccess)
        }
    }

    @Test("a port that is in use is an error that names it")
    func portInUse() async throws {
        try await withTemporaryDirectory { directory in
            let first = try await NATSServer.start(in: "\(directory)/1", logger: logger)
            let error = await #expect(throws: LocalStackError.self) {
                _ = try await NATSServer.start(in: "\(directory)/2", port: first.port, logger: logger)
            }
            #expect(error?.code == .portInUse)
            await first.stop()
        }
    }

    @Test("a server that cannot start is reported with its last lines")
    func badStore() async throws {
        try await withTemporaryDirectory { directory in
            try "not a folder".write(toFile: "\(directory)/jetstream", atomically: true, encoding: .utf8)
            let error = await #expect(throws: LocalStackError.self) {
                _ = try await NATSServer.start(in: directory, logger: logger)
            }
            #expect(error?.code == .exitedEarly)
            #expect(error?.message.contains("[FTL]") == true, "\(String(describing: error))")
        }
    }

    private func monitoring(_ server: NATSServer) async throws -> String {
        let script = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
        let url = "\(server.monitoringURL)/jsz?config=true"
        let command = Command(
            executable: "/usr/bin/env",
            arguments: ["no_proxy=*", "python3", "-c", script, url]
        )
        return try await Tool.run(command, logger: logger).output
    }
}
