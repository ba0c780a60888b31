import JetStream
import Testing

@Suite("Permissions and credentials")
struct PermissionTests {
    private static let users = """
        authorization { users: [
          { user: orders, password: "s3cret", permissions: {
              publish: ["order.>", "$JS.API.STREAM.>"], subscribe: ["_INBOX_orders.>"] } },
          { user: all, password: "s3cret" }
        ] }
        """

    private func configuration(_ server: TestNATSServer, user: String, password: String) -> NATSConfiguration {
        var configuration = server.configuration
        configuration.credentials = .password(user: user, password: password)
        configuration.inboxPrefix = "_INBOX_orders"
        return configuration
    }

    @Test("a refused publish ends the request that waits for it, with the server's words")
    func refusedPublish() async throws {
        try await TestNATSServer.with(extraConfiguration: Self.users) { server in
            let configuration = configuration(server, user: "orders", password: "s3cret")
            let connection = try await NATSConnection.connect(configuration, logger: .quiet)
            let start = ContinuousClock.now
            let error = try await failure {
                _ = try await JetStreamContext(connection).publish(subject: "user.created", payload: [])
            }
            #expect(error.code == .permissionDenied)
            #expect(error.message.contains("user.created"))
            #expect(ContinuousClock.now - start < .seconds(4))

            let consumer = try JetStreamContext(connection).messages(stream: "S", consumer: "c")
            #expect(try await failure { _ = try await consumer.next() }.code == .permissionDenied)
            await connection.shutdown()
        }
    }

    @Test("a refused inbox ends every request instead of letting it time out")
    func refusedInbox() async throws {
        try await TestNATSServer.with(extraConfiguration: Self.users) { server in
            var configuration = configuration(server, user: "orders", password: "s3cret")
            configuration.inboxPrefix = "_INBOX"
            let connection = try await NATSConnection.connect(configuration, logger: .quiet)
            let error = try await failure {
                _ = try await JetStreamContext(connection).streamInfo("ORDERS")
            }
            #expect(error.code == .permissionDenied)
            await connection.shutdown()
        }
    }

    @Test("a refused acknowledgement, and a consumer's refused inbox, are errors at once")
    func refusedAcknowledgement() async throws {
        let users = """
            authorization { users: [
              { user: reader, password: "s3cret", permissions: {
                  publish: ["order.>", "$JS.API.>"], subscribe: ["_INBOX_reader.>", "_INBOX_none.*.*.*"] } }
            ] }
            """
        try await TestNATSServer.with(extraConfiguration: users) { server in
            var configuration = configuration(server, user: "reader", password: "s3cret")
            configuration.inboxPrefix = "_INBOX_reader"
            let connection = try await NATSConnection.connect(configuration, logger: .quiet)
            let jetStream = try await PullConsumerTests.setUp(connection)
            _ = try await jetStream.publish(subject: "order.created", payload: [])
            let consumer = try jetStream.messages(stream: "ORDERS", consumer: "n")
            let message = try #require(try await consumer.next())
            let start = ContinuousClock.now
            #expect(try await failure { try await message.ackSync() }.code == .permissionDenied)
            #expect(ContinuousClock.now - start < .seconds(4))
            #expect(connection.statistics.permissionDenials == 1)
            await connection.shutdown()

            configuration.inboxPrefix = "_INBOX_none"
            let other = try await NATSConnection.connect(configuration, logger: .quiet)
            let refused = try JetStreamContext(other).messages(stream: "ORDERS", consumer: "n")
            #expect(try await failure { _ = try await refused.next() }.code == .permissionDenied)
            await other.shutdown()
        }
    }

    @Test("wrong credentials are an error at once, without the password in it")
    func wrongPassword() async throws {
        try await TestNATSServer.with(extraConfiguration: Self.users) { server in
            let configuration = configuration(server, user: "orders", password: "wr0ng")
            let error = try await failure { _ = try await NATSConnection.connect(configuration, logger: .quiet) }
            #expect(error.code == .authenticationFailed)
            #expect(!"\(error) \(configuration)".contains("wr0ng"))
        }
    }

    @Test("a connection that libnats gives up is opened again, with its subscriptions")
    func givenUp() async throws {
        try await TestNATSServer.with(extraConfiguration: Self.users) { server in
            var configuration = configuration(server, user: "all", password: "s3cret")
            configuration.reconnectDelay = .milliseconds(10)...(.milliseconds(50))
            let connection = try await NATSConnection.connect(configuration, logger: .quiet)
            let subscription = try connection.subscribe(to: "news")
            // Two refusals in a row, and libnats closes the connection for good.
            server.kill()
            try server.configure(Self.users.replacing("s3cret", with: "other"))
            try await server.start()
            try await eventually("the client is refused") { try server.log().contains("authentication error") }
            try await Task.sleep(for: .milliseconds(500))
            #expect(connection.status == .reconnecting)
            let waiting = Task { try await connection.publish(NATSMessage(subject: "news", payload: "late".bytes)) }
            server.kill()
            try server.configure(Self.users)
            try await server.start()
            try await eventually("it is back") { connection.status == .connected }
            try await waiting.value
            var messages = subscription.makeAsyncIterator()
            #expect(try await messages.next()?.payload == "late".bytes)
            await connection.shutdown()
        }
    }

    @Test("user information in the URL is used")
    func userInformation() async throws {
        try await TestNATSServer.with(extraConfiguration: Self.users) { server in
            var configuration = NATSConfiguration(servers: ["nats://all:s3c%72et@127.0.0.1:\(server.port)"])
            let connection = try await NATSConnection.connect(configuration, logger: .quiet)
            #expect(connection.status == .connected)
            await connection.shutdown()
            configuration.servers.append("nats://127.0.0.1:\(server.port)")
            let error = try await failure { _ = try await NATSConnection.connect(configuration, logger: .quiet) }
            #expect(error.code == .invalidConfiguration)
        }
    }
}
