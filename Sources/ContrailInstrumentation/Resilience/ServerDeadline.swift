internal import GRPCCore
internal import Resilience

/// Ends calls that are served a little before their callers give them up, and refuses those whose time is up already.
///
/// A caller that gives up resets its stream, and a server closes the connection of a client that resets many: all calls on
/// it die. An answer in time costs nothing. The handler sees the deadline in `Deadline.current`, from where it goes on to
/// what it calls.
struct ServerDeadline: ServerInterceptor {
    private let fallback: Duration
    private let metrics: DeadlineMetrics

    /// - Parameters:
    ///   - fallback: How long the calls together may take that a handler makes whose caller does not say.
    ///   - telemetry: Where to count.
    init(fallback: Duration, telemetry: Telemetry) {
        self.fallback = fallback
        metrics = DeadlineMetrics(registry: telemetry.metrics)
    }

    /// The time for a call: what the caller gives less a tenth, of at least 5 and at most 500 milliseconds, for the answer
    /// on its way; but half of it at least.
    static func time(of timeout: Duration) -> Duration {
        timeout - min(max(timeout / 10, .milliseconds(5)), .milliseconds(500), timeout / 2)
    }

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @Sendable (
                _ request: StreamingServerRequest<Input>,
                _ context: ServerContext
            ) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        // A health watch goes on for ever.
        guard context.descriptor.isTraced else { return try await next(request, context) }
        guard let given = request.metadata.timeout else {
            // Nobody waits for the answer with a clock, so none is set here. What the handler calls has an end all the same.
            return try await Deadline.$current.withValue(Deadline.after(fallback)) {
                try await next(request, context)
            }
        }
        let time = Self.time(of: given)
        let deadline = Deadline.after(time)
        guard time > .zero else {
            metrics.exceeded(.admission)
            throw RPCError(code: .deadlineExceeded, message: "the call came with too little time to begin it")
        }
        var response = try await withoutActuallyEscaping(next) { next in
            try await within(deadline) { try await next(request, context) }
        }
        if case .success(var contents) = response.accepted {
            let producer = contents.producer
            contents.producer = { writer in try await within(deadline) { try await producer(writer) } }
            response.accepted = .success(contents)
        }
        return response
    }

    private func within<Result: Sendable>(
        _ deadline: Deadline,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        do {
            return try await Deadline.run(until: deadline, stage: .handler, operation: body)
        } catch let error as DeadlineExceeded where error.stage == .handler {
            metrics.exceeded(.handler)
            throw RPCError(code: .deadlineExceeded, message: "the call was not done in its time", cause: error)
        }
    }
}

extension DeadlineExceeded.Stage {
    /// In a server's handler.
    static let handler = DeadlineExceeded.Stage(rawValue: "handler")
}
