public import GRPCCore
public import GRPCNIOTransportHTTP2Posix

/// The transport of a client, which records the calls that get no connection and those that wait for one.
///
/// grpc-swift runs interceptors once a call has a stream. A call that gets none, because nobody listens or a connection is
/// not made in time, would otherwise be missing among the spans and in the errors that are counted; one that waits would
/// seem to have begun later.
public struct TracedClientTransport: ClientTransport {
    /// The bytes of messages.
    public typealias Bytes = HTTP2ClientTransport.Posix.Bytes

    private let base: HTTP2ClientTransport.Posix
    private let interceptor: TracingClientInterceptor

    init(_ base: HTTP2ClientTransport.Posix, interceptor: TracingClientInterceptor) {
        self.base = base
        self.interceptor = interceptor
    }

    /// The throttle of grpc-swift's own retries, which nobody uses here.
    public var retryThrottle: RetryThrottle? { base.retryThrottle }

    /// Keeps the transport connected until the shutdown has finished or the task is cancelled.
    public func connect() async throws {
        try await base.connect()
    }

    /// Refuses new streams and lets those that run finish.
    public func beginGracefulShutdown() {
        base.beginGracefulShutdown()
    }

    /// How calls of a method are made.
    public func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? {
        base.config(forMethod: descriptor)
    }

    /// Runs a body with a stream, and records the call if there is none to be had.
    ///
    /// - Throws: What the transport or the body throws.
    public func withStream<T: Sendable>(
        descriptor: MethodDescriptor,
        options: CallOptions,
        _ closure: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> T
    ) async throws -> T {
        let stopwatch = Stopwatch()
        var hasStream = false
        do {
            return try await base.withStream(descriptor: descriptor, options: options) { stream, context in
                hasStream = true
                // What is at hand at once is not worth a task-local value.
                guard stopwatch.seconds > 0.001 else { return try await closure(stream, context) }
                return try await RPCAttempt.$wait.withValue(stopwatch) { try await closure(stream, context) }
            }
        } catch {
            if !hasStream {
                interceptor.recordUnsent(descriptor, timeout: options.timeout, since: stopwatch, error: error)
            }
            throw error
        }
    }
}
