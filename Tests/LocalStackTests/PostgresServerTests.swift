internal import Foundation
internal import Glibc
internal import Testing

@testable internal import LocalStack

@Suite("PostgreSQL server")
struct PostgresServerTests {
    @Test("keeps its databases over a crash and over a stop")
    func lifecycle() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await PostgresServer.start(in: directory, fsync: false, logger: logger)
            let client = try await server.ensureDatabase(name: "orders")
            #expect(client["PGPORT"] == "\(server.port)")
            #expect(try await query("CREATE TABLE t AS SELECT 41 + 1 AS n; SELECT n FROM t", client) == "42")
            #expect(try await server.ensureDatabase(name: "orders") == client)

            #expect(await server.kill() == .signalled(SIGKILL))
            #expect(try await query("SELECT 1", client) == nil)
            try await server.restart()
            #expect(try await query("SELECT n FROM t", client) == "42")
            #expect(await server.stop().isSuccess)

            let again = try await PostgresServer.start(in: directory, port: server.port, fsync: false, logger: logger)
            #expect(try await query("SELECT n FROM t", client) == "42")
            await again.stop()
        }
    }

    @Test("starts again although a session of the killed server goes on")
    func stubbornSession() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await PostgresServer.start(in: directory, fsync: false, logger: logger)
            let client = try await server.ensureDatabase(name: "orders")
            // A session that computes does not look after its postmaster.
            let busy = try await ManagedProcess.start(
                name: "psql",
                command: Command(
                    executable: "/usr/bin/psql",
                    arguments: ["-X", "-c", "SELECT count(*) FROM generate_series(1, 1000000000000)"],
                    environment: client
                ),
                logFile: "\(directory)/psql.log",
                logger: logger
            )
            let sessions = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT count%' AND state = 'active'"
            var session: ProcessIdentity?
            try await eventually {
                session = try await query(sessions, server.superuserEnvironment())
                    .flatMap { Int32($0) }.flatMap { ProcessIdentity(pid: $0) }
                return session != nil
            }
            await server.kill()
            #expect(session?.isAlive == true)
            try await server.restart()
            #expect(session?.isAlive == false)
            #expect(try await query("SELECT 1", client) == "1")
            await busy.terminate(grace: .seconds(5))
            await server.stop()
        }
    }

    @Test("asks for a password and listens on no socket file")
    func access() async throws {
        try await withTemporaryDirectory { directory in
            let server = try await PostgresServer.start(in: directory, fsync: false, logger: logger)
            var client = try await server.ensureDatabase(name: "users")
            client["PGPASSWORD"] = "guess"
            #expect(try await query("SELECT 1", client) == nil)
            let admin = try server.superuserEnvironment()
            #expect(try await query("SHOW unix_socket_directories", admin)?.isEmpty == true)
            #expect(try await query("SHOW listen_addresses", admin) == "127.0.0.1")
            #expect(try await query("SELECT rolsuper FROM pg_roles WHERE rolname = 'users'", admin) == "f")
            var status = stat()
            #expect(stat("\(directory)/superuser-password", &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            let log = try String(contentsOfFile: "\(directory)/postgres.log", encoding: .utf8)
            #expect(try !log.contains(#require(admin["PGPASSWORD"])))
            await server.stop()
        }
    }

    @Test("two stacks run beside one another")
    func twoStacks() async throws {
        try await withTemporaryDirectory { directory in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...2 {
                    group.addTask {
                        let home = "\(directory)/\(number)"
                        async let nats = NATSServer.start(in: home + "/nats", logger: logger)
                        async let postgres = PostgresServer.start(in: home + "/postgres", fsync: false, logger: logger)
                        let client = try await postgres.ensureDatabase(name: "orders")
                        #expect(try await query("CREATE TABLE only_here (); SELECT \(number)", client) == "\(number)")
                        _ = try await postgres.stop()
                        _ = try await nats.stop()
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("an unsuitable database name is refused", arguments: ["", "Orders", "a-b", "x'; DROP", "postgres"])
    func badName(name: String) {
        #expect(!PostgresServer.isSuitable(databaseName: name))
        #expect(PostgresServer.isSuitable(databaseName: "orders_2"))
    }

    @Test("data of another version is refused with both versions")
    func otherVersion() async throws {
        try await withTemporaryDirectory { directory in
            let folder = try await PostgresFolder.prepare(directory, logger: logger)
            try FileManager.default.createDirectory(atPath: folder.cluster, withIntermediateDirectories: true)
            try "9.6\n".write(toFile: folder.cluster + "/PG_VERSION", atomically: true, encoding: .utf8)
            let error = await #expect(throws: LocalStackError.self) {
                _ = try await PostgresServer.start(in: directory, logger: logger)
            }
            #expect(error?.code == .unusableData)
            #expect(error?.message.contains("9.6") == true)
        }
    }

    @Test("data goes elsewhere when user postgres cannot reach the folder", .enabled(if: geteuid() == 0))
    func unreachable() async throws {
        try await withTemporaryDirectory { directory in
            chmod(directory, 0o700)
            let home = directory + "/postgres"
            let server = try await PostgresServer.start(in: home, fsync: false, logger: logger)
            let elsewhere = try FileManager.default.destinationOfSymbolicLink(atPath: home + "/data")
            #expect(elsewhere.hasPrefix("/var/tmp/contrail-postgres-"))
            #expect(FileManager.default.fileExists(atPath: elsewhere + "/cluster/PG_VERSION"))
            await server.stop()
            try PostgresServer.removeData(in: home)
            #expect(!FileManager.default.fileExists(atPath: elsewhere))
            #expect(!FileManager.default.fileExists(atPath: home))
        }
    }
}
