import ContrailInstrumentation
import Logging
import Testing

@testable import ServiceRuntime

@Suite("Health check", .timeLimit(.minutes(1)))
struct HealthCheckTests {
    private let gate = Gate()
    private let readiness: Readiness

    init() {
        readiness = Readiness(
            dependencies: [],
            gate: gate,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// Serves the health service on a free port while the body runs.
    private func serving(on host: String, _ body: (NetworkAddress) async throws -> Void) async throws {
        let server = TracedGRPCServer(
            address: NetworkAddress(host: host, port: 0),
            services: [HealthService(serviceNames: [], readiness: readiness)],
            telemetry: .disabled
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await body(try await server.listeningAddress())
            server.beginGracefulShutdown()
            try await group.waitForAll()
        }
    }

    @Test("A service that is ready is healthy, one that starts or stops is not")
    func states() async throws {
        try await serving(on: "127.0.0.1") { address in
            let starting = await HealthCheck(listening: address).run()
            #expect(!starting.isHealthy && starting.message == "\(address) NOT_SERVING")
            gate.open()
            let ready = await HealthCheck(listening: address).run()
            #expect(ready.isHealthy && ready.message == "\(address) SERVING")
            readiness.beginShutdown()
            #expect(await HealthCheck(listening: address).run().isHealthy == false)
        }
    }

    @Test("A service that listens on all interfaces is asked on the loopback one")
    func allInterfaces() async throws {
        gate.open()
        try await serving(on: "0.0.0.0") { address in
            let outcome = await HealthCheck(listening: NetworkAddress(host: "0.0.0.0", port: address.port)).run()
            #expect(outcome.isHealthy && outcome.message == "127.0.0.1:\(address.port) SERVING")
        }
        #expect(HealthCheck(listening: NetworkAddress(host: "::", port: 1)).target.host == "::1")
    }

    @Test("Where nobody listens nothing is healthy, and the line says so at once")
    func nobody() async throws {
        var port = 0
        try await serving(on: "127.0.0.1") { port = $0.port }
        let begin = ContinuousClock.now
        let outcome = await HealthCheck(listening: NetworkAddress(host: "127.0.0.1", port: port)).run()
        #expect(!outcome.isHealthy && outcome.message.hasPrefix("127.0.0.1:\(port) does not answer"))
        #expect(!outcome.message.contains("\n"))
        #expect(ContinuousClock.now - begin < .seconds(3))
    }
}
