public import GRPCCore
internal import Observability
internal import Tracing

/// Records a CLIENT span and the call's duration for every call that is made, unary and streaming.
///
/// The span's context goes out in `traceparent`, `tracestate` and `baggage`; it lasts until the last message or the
/// status has been read. Implements the gRPC conventions of OpenTelemetry 1.44.
public struct TracingClientInterceptor: ClientInterceptor {
    private let tracer: OTelTracer
    private let metrics: RPCMetrics
    private let propagators: Propagators
    private let host: String
    private let port: Int

    /// Creates the interceptor.
    ///
    /// - Parameters:
    ///   - telemetry: Where to record.
    ///   - host: The server's name as configured.
    ///   - port: The server's port as configured.
    public init(telemetry: Telemetry, host: String, port: Int) {
        tracer = telemetry.tracer(for: .rpcClient)
        metrics = RPCMetrics(registry: telemetry.metrics, side: .client)
        propagators = telemetry.propagators
        self.host = host
        self.port = port
    }

    /// Sends the call inside the span.
    public func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingClientRequest<Input>,
        context: ClientContext,
        next: (
            _ request: StreamingClientRequest<Input>,
            _ context: ClientContext
        ) async throws -> StreamingClientResponse<Output>
    ) async throws -> StreamingClientResponse<Output> {
        let method = context.descriptor.fullyQualifiedMethod
        let attempt = RPCAttempt.number
        let wait = RPCAttempt.wait
        let span = startSpan(method, attempt: attempt, since: wait)
        let call = RPCSpan(
            span: span,
            metrics: metrics,
            method: method,
            request: request.metadata,
            stopwatch: wait ?? Stopwatch(),
            isFailure: { $0 != .ok }
        )
        var request = request
        // A retried attempt starts from the caller's metadata, which may carry an older context.
        for field in W3CPropagator.fields {
            request.metadata.removeAllValues(forKey: field)
        }
        propagators.inject(ActiveContext(span), limits: .grpc) { name, value in
            request.metadata.addString(value, forKey: name)
        }
        if attempt > 1 { request.metadata.addString(String(attempt - 1), forKey: "grpc-previous-rpc-attempts") }
        var response: StreamingClientResponse<Output>
        do {
            response = try await call.run { try await next(request, context) }
        } catch {
            call.end(error)
            throw error
        }
        switch response.accepted {
        case .failure(let error):
            call.end(error)
        case .success(var contents):
            contents.bodyParts = RPCAsyncSequence(wrapping: ObservedSequence(base: contents.bodyParts, call: call))
            response.accepted = .success(contents)
        }
        return response
    }

    /// Records a call that failed before it had a stream, and so never came through here.
    ///
    /// - Parameters:
    ///   - method: What was to be called.
    ///   - timeout: How much time the call had.
    ///   - stopwatch: Runs since the call began.
    ///   - error: Why it failed.
    func recordUnsent(
        _ method: MethodDescriptor,
        timeout: Duration?,
        since stopwatch: Stopwatch,
        error: any Error
    ) {
        let method = method.fullyQualifiedMethod
        var request = Metadata()
        if let timeout { request.addString("\(Int64(timeout / .milliseconds(1)))m", forKey: "grpc-timeout") }
        RPCSpan(
            span: startSpan(method, attempt: RPCAttempt.number, since: stopwatch),
            metrics: metrics,
            method: method,
            request: request,
            stopwatch: stopwatch,
            isFailure: { $0 != .ok }
        ).end(error)
    }

    private func startSpan(_ method: String, attempt: Int, since start: Stopwatch?) -> OTelSpan {
        let start = start.map { tracer.provider.now() &- UInt64($0.seconds * 1e9) }
        return tracer.startSpan(.rpcClient, method, startTime: start) { attributes in
            attributes.setRPC(method)
            attributes[SemanticConventions.serverAddress] = .string(host)
            attributes[SemanticConventions.serverPort] = .int(port)
            if attempt > 1 { attributes[SemanticConventions.attempt] = .int(attempt) }
        }
    }
}

/// Passes elements on and ends the call's span with the sequence.
private struct ObservedSequence<Base: AsyncSequence & Sendable>: AsyncSequence, Sendable
where Base.Element: Sendable {
    typealias Element = Base.Element

    let base: Base
    let call: RPCSpan

    func makeAsyncIterator() -> Iterator {
        Iterator(base: base.makeAsyncIterator(), call: call)
    }

    struct Iterator: AsyncIteratorProtocol {
        var base: Base.AsyncIterator
        let call: RPCSpan

        mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            do {
                let element = try await base.next(isolation: actor)
                if element == nil { call.end(nil) }
                return element
            } catch {
                call.end(error)
                throw error
            }
        }

        mutating func next() async throws -> Element? {
            try await next(isolation: nil)
        }
    }
}
