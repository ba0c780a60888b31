public import GRPCCore
internal import Observability
public import Resilience
private import Synchronization

/// What a generated client wraps: a connection to a service.
public typealias GRPCConnection = GRPCClient<TracedClientTransport>

/// A generated client of one service whose every call is protected: by a deadline, a bulkhead, retries with a budget, a
/// circuit breaker and time-outs of its attempts.
///
/// There is no way to the generated client but through ``call(_:isIdempotent:_:)``. The protection is around the call and
/// not in an interceptor, because grpc-swift runs those for each attempt, and sleeps past deadlines in its own retries.
public final class GuardedClient<Stub: Sendable>: Sendable {
    /// What protects the calls, for tests and operators.
    public let pipeline: ResiliencePipeline
    private let client: TracedGRPCClient
    private let stubs: [Stub]
    private let turn = Atomic<Int>(0)
    private let rejections: RejectedCalls

    /// Creates a client, which connects once it runs.
    ///
    /// - Parameters:
    ///   - name: The target's name in metrics and messages: a static word, never an address.
    ///   - target: The service.
    ///   - connections: How many connections it has at least. More than one, because a server closes a connection whose
    ///     client resets too many streams, with all calls that run on it.
    ///   - configuration: How calls are protected.
    ///   - telemetry: Where to record.
    ///   - makeStub: Makes the generated client.
    /// - Throws: `RuntimeError` for a target that cannot be resolved at all, `InvalidResilienceConfiguration`.
    public init(
        _ name: String,
        target: NetworkAddress,
        connections: Int = 2,
        configuration: ResilienceConfiguration = ResilienceConfiguration(),
        telemetry: Telemetry,
        _ makeStub: (GRPCConnection) -> Stub
    ) throws {
        var configuration = configuration
        // The transport ends an attempt in time, and a second timer for the same would only cost.
        configuration.enforcement = .call
        pipeline = try ResiliencePipeline(observed: name, configuration: configuration, telemetry: telemetry)
        client = try TracedGRPCClient(
            target: target,
            // Not without a limit even if the configuration has none: a peer may go silent for ever.
            timeout: configuration.attemptTimeout ?? configuration.callTimeout ?? .seconds(60),
            connections: connections,
            telemetry: telemetry
        )
        stubs = client.connections.map(makeStub)
        rejections = RejectedCalls(target: target, telemetry: telemetry)
    }

    /// Makes a call.
    ///
    /// - Parameters:
    ///   - method: The method, for the span of a call that is refused.
    ///   - isIdempotent: Whether the call may be made twice: it only reads, or carries an idempotency key.
    ///   - body: Makes one attempt, with the options that it is given; called again for each retry.
    /// - Returns: What the body returns.
    /// - Throws: `RPCError`; what the server answered, or DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED (bulkhead) or UNAVAILABLE
    ///   (circuit breaker) for a call that was not made, with the reason as its cause. `CancellationError` for a cancelled
    ///   task.
    public nonisolated(nonsending) func call<Result: Sendable>(
        _ method: MethodDescriptor,
        isIdempotent: Bool = false,
        _ body: @escaping @Sendable (_ stub: Stub, _ options: CallOptions) async throws -> Result
    ) async throws -> Result {
        let first = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        do {
            return try await pipeline.call {
                FailureClassification(of: $0, isIdempotent: isIdempotent)
            } _: { [stubs] attempt in
                // A retry goes to the next connection: should this one be the reason, the other may do.
                let stub = stubs[abs((first &+ attempt.number &- 1) % stubs.count)]
                var options = CallOptions.defaults
                options.timeout = attempt.timeout
                do {
                    return try await RPCAttempt.$number.withValue(attempt.number) { try await body(stub, options) }
                } catch let error as RPCError where error.isExpiry(of: attempt) {
                    throw DeadlineExceeded(stage: .attempt, limit: attempt.timeout ?? .zero, cause: error)
                }
            }
        } catch {
            rejections.record(error, method: method)
            throw error.asRPCError
        }
    }

    /// Keeps the connections until the shutdown has finished or the task is cancelled.
    ///
    /// - Throws: `RuntimeError` when it runs already.
    public func run() async throws {
        try await client.run()
    }

    /// Refuses new calls and lets those that run finish; ``run()`` returns after the last.
    public func beginGracefulShutdown() {
        client.beginGracefulShutdown()
    }
}

/// Which attempt of a call is being made, for what sends it.
enum RPCAttempt {
    /// Its number, 1 for the first.
    @TaskLocal static var number = 1
    /// Runs since it began, when it had to wait for a connection.
    @TaskLocal static var wait: Stopwatch?
}
