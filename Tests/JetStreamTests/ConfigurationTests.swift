import Foundation
import JetStream
import Testing

@Suite("The connection's configuration")
struct ConfigurationTests {
    @Test("has defaults for the local stack")
    func defaults() throws {
        #expect(try NATSConfiguration(environment: ["NATS_URL": ""]).servers == ["nats://127.0.0.1:4222"])
    }

    @Test("reads a list of servers and credentials")
    func values() throws {
        let configuration = try NATSConfiguration(environment: [
            "NATS_URL": "nats://a:4222, b:4333,nats://[::1]:4222",
            "NATS_USER": "orders", "NATS_PASSWORD": "s3cret", "NATS_INBOX_PREFIX": "_INBOX_orders",
        ])
        #expect(configuration.servers == ["nats://a:4222", "b:4333", "nats://[::1]:4222"])
        #expect(configuration.inboxPrefix == "_INBOX_orders")
        let text = "NATSConfiguration(nats://a:4222, nats://b:4333, nats://[::1]:4222, credentials: password)"
        #expect("\(configuration)" == text)
    }

    @Test(
        "is refused with the key's name",
        arguments: [
            (["NATS_URL": "http://a"], "NATS_URL"), (["NATS_URL": "nats://a:99999"], "NATS_URL"),
            (["NATS_URL": "nats://a,,nats://b"], "NATS_URL"), (["NATS_URL": "nats://user:pw@"], "NATS_URL"),
            (["NATS_PASSWORD": "x"], "NATS_PASSWORD"), (["NATS_USER": "x"], "NATS_USER"),
            (["NATS_NKEY_SEED_FILE": "/x"], "NATS_NKEY_SEED_FILE"),
            (["NATS_TOKEN": "x", "NATS_CREDENTIALS": "/x"], "NATS_CREDENTIALS"),
            (["NATS_ALLOW_UNSAFE_TLS": "yes"], "NATS_ALLOW_UNSAFE_TLS"),
        ]
    )
    func refused(environment: [String: String], key: String) throws {
        let error = #expect(throws: NATSError.self) { try NATSConfiguration(environment: environment) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains(key) == true)
        #expect(error?.message.contains("pw") == false)
    }

    @Test("refuses TLS with a libnats that does it unsafely, unless that is allowed")
    func unsafeTLS() async throws {
        guard NATSLibrary.version.compare("3.11", options: .numeric) == .orderedAscending else { return }
        let error = #expect(throws: NATSError.self) { try NATSConfiguration(environment: ["NATS_URL": "tls://a"]) }
        #expect(error?.code == .insecureTLS)
        #expect(error?.message.contains(NATSLibrary.version) == true)
        let direct = try await failure {
            _ = try await NATSConnection.connect(NATSConfiguration(servers: ["tls://a"]), logger: .quiet)
        }
        #expect(direct.code == .insecureTLS)
        _ = try NATSConfiguration(environment: ["NATS_URL": "tls://a", "NATS_ALLOW_UNSAFE_TLS": "true"])
    }

    @Test("refuses a credentials file that cannot be read")
    func missingFile() async throws {
        var configuration = NATSConfiguration()
        configuration.credentials = .file("/does/not/exist.creds")
        let error = try await failure { _ = try await NATSConnection.connect(configuration, logger: .quiet) }
        #expect(error.code == .invalidConfiguration)
        #expect(error.message.contains("/does/not/exist.creds"))
    }
}
