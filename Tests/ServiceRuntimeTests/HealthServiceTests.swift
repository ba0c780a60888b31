import Contracts
import ContrailInstrumentation
import GRPCCore
import Logging
import SwiftProtobuf
import Synchronization
import Testing

@testable import ServiceRuntime

@Suite("Health service", .timeLimit(.minutes(1)))
struct HealthServiceTests {
    typealias Status = Grpc_Health_V1_HealthCheckResponse.ServingStatus

    /// Something that a service depends on and that a test takes away.
    private final class Switch: Sendable {
        struct Off: Error {}

        private let isOn = Atomic<Bool>(true)

        func set(_ value: Bool) { isOn.store(value, ordering: .relaxed) }

        func check() throws {
            if !isOn.load(ordering: .relaxed) { throw Off() }
        }
    }

    /// Hands what a watch writes to the test.
    private struct Answers: RPCWriterProtocol {
        let continuation: AsyncStream<Status>.Continuation

        func write(_ element: Grpc_Health_V1_HealthCheckResponse) async throws {
            continuation.yield(element.status)
        }

        func write(contentsOf elements: some Sequence<Grpc_Health_V1_HealthCheckResponse>) async throws {
            for element in elements { try await write(element) }
        }
    }

    private let database = Switch()
    private let broker = Switch()
    private let gate = Gate()
    private let readiness: Readiness
    private let service: HealthService
    private let cancellation = ServerContext.RPCCancellationHandle()

    init() {
        let dependency = Dependency("postgresql") { [database] in try database.check() }
        // As behind an outbox: events wait, calls do not.
        let delayed = Dependency("nats", isNeededForCalls: false) { [broker] in try broker.check() }
        readiness = Readiness(
            dependencies: [dependency, delayed],
            gate: gate,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        service = HealthService(
            serviceNames: ["shop.Orders", "shop.Users"],
            readiness: readiness,
            watchInterval: .milliseconds(2)
        )
    }

    private func context(_ method: String) -> ServerContext {
        ServerContext(
            descriptor: MethodDescriptor(fullyQualifiedService: "grpc.health.v1.Health", method: method),
            remotePeer: "in-process:1",
            localPeer: "in-process:2",
            cancellation: cancellation
        )
    }

    private func check(_ name: String = "") async throws -> Status {
        try await service.check(request: .with { $0.service = name }, context: context("Check")).status
    }

    /// Watches a name while a body reads the answers; the watch must have ended by itself or by cancellation then.
    private func watching(
        _ name: String,
        _ body: (inout AsyncStream<Status>.Iterator) async throws -> Void
    ) async throws {
        let (answers, continuation) = AsyncStream.makeStream(of: Status.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await service.watch(
                    request: .with { $0.service = name },
                    response: RPCWriter(wrapping: Answers(continuation: continuation)),
                    context: context("Watch")
                )
            }
            var iterator = answers.makeAsyncIterator()
            try await body(&iterator)
            cancellation.cancel()
            try await group.waitForAll()
        }
    }

    @Test("a watch tells each change once, and nothing twice")
    func changes() async throws {
        try await watching("shop.Orders") { answers in
            #expect(await answers.next() == .notServing)
            gate.open()
            #expect(await answers.next() == .serving)
            database.set(false)
            #expect(await answers.next() == .notServing)
            database.set(true)
            #expect(await answers.next() == .serving)
        }
    }

    @Test("what only delays work is told by /readyz, and takes no calls away")
    func delayed() async throws {
        gate.open()
        broker.set(false)
        let report = await readiness.report()
        #expect(!report.isReady && report.problems.map(\.name) == ["nats"])
        #expect(try await check() == .serving)
        database.set(false)
        #expect(try await check() == .notServing)
    }

    @Test("a watch of an unknown name says SERVICE_UNKNOWN at once and goes on")
    func unknown() async throws {
        gate.open()
        try await watching("shop.Nobody") { answers in
            #expect(await answers.next() == .serviceUnknown)
            // It has not ended: only the cancellation ends it.
            #expect(!cancellation.isCancelled)
        }
        let refusal = await #expect(throws: (any Error).self) { try await check("shop.Nobody") }
        #expect((refusal as? any RPCErrorConvertible)?.rpcErrorCode == .notFound)
    }

    @Test("a server that is told to stop says NOT_SERVING while it still takes calls, and then ends its watches")
    func stopping() async throws {
        gate.open()
        #expect(try await check() == .serving)
        try await watching("") { answers in
            #expect(await answers.next() == .serving)
            readiness.beginShutdown()
            #expect(await answers.next() == .notServing)
            // The watch has ended by itself.
            #expect(await answers.next() == nil)
        }
        #expect(try await check("shop.Users") == .notServing)
    }

    @Test("the list has every service and the server itself, with their state")
    func list() async throws {
        gate.open()
        let request = Grpc_Health_V1_HealthListRequest()
        let serving = try await service.list(request: request, context: context("List")).statuses
        #expect(serving.keys.sorted() == ["", "shop.Orders", "shop.Users"])
        #expect(serving.values.allSatisfy { $0.status == .serving })
        database.set(false)
        let away = try await service.list(request: request, context: context("List")).statuses
        #expect(away.count == 3 && away.values.allSatisfy { $0.status == .notServing })
    }
}
