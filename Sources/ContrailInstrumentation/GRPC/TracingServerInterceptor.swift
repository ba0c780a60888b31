public import GRPCCore
public import Observability
internal import Tracing

/// Records a SERVER span and the call's duration for every call that arrives, unary and streaming.
///
/// The span continues the caller's trace and lasts until the last message is written. Health checks are measured but
/// make no spans. Implements the gRPC conventions of OpenTelemetry 1.44.
public struct TracingServerInterceptor: ServerInterceptor {
    private let tracer: OTelTracer
    private let metrics: RPCMetrics
    private let propagators: Propagators
    private let callers: RemoteParentPolicy

    /// Creates the interceptor.
    ///
    /// - Parameters:
    ///   - telemetry: Where to record.
    ///   - callers: What becomes of the trace context that callers send.
    public init(telemetry: Telemetry, callers: RemoteParentPolicy = RemoteParentPolicy(.trust)) {
        tracer = telemetry.tracer(for: .rpcServer)
        metrics = RPCMetrics(registry: telemetry.metrics, side: .server)
        propagators = telemetry.propagators
        self.callers = callers
        telemetry.metrics.counter(
            "contrail_caller_sampling_total",
            help:
                "Calls whose callers wanted them sampled and are not trusted: forced within their limit, or refused.",
            labels: ["outcome"]
        ) { [weak callers] in
            guard let (forced, refused) = callers?.statistics else { return [] }
            return [ObservedValue(Double(forced), "forced"), ObservedValue(Double(refused), "refused")]
        }
    }

    /// Runs the handler, and later its producer of messages, inside the span.
    public func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @Sendable (
                _ request: StreamingServerRequest<Input>,
                _ context: ServerContext
            ) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let method = context.descriptor.fullyQualifiedMethod
        let arrival = tracer.provider.now()
        let call = RPCSpan(
            span: context.descriptor.isTraced ? startSpan(method, request.metadata, context) : nil,
            metrics: metrics,
            method: method,
            request: request.metadata,
            isFailure: \.isServerFault
        )
        var response: StreamingServerResponse<Output>
        do {
            response = try await call.run {
                try await CallArrival.$current.withValue(arrival) { try await next(request, context) }
            }
        } catch {
            call.end(error)
            throw error
        }
        switch response.accepted {
        case .failure(let error):
            call.end(error)
        case .success(var contents):
            let producer = contents.producer
            contents.producer = { writer in
                do {
                    let trailers = try await call.run { try await producer(writer) }
                    call.end(nil)
                    return trailers
                } catch {
                    call.end(error)
                    throw error
                }
            }
            response.accepted = .success(contents)
        }
        return response
    }

    private func startSpan(_ method: String, _ metadata: Metadata, _ context: ServerContext) -> OTelSpan {
        let (parent, links) = callers.admit(propagators.extract { metadata.values(of: $0) }, to: tracer.provider)
        let span = tracer.startSpan(.rpcServer, method, parent: parent) { attributes in
            attributes.setRPC(method)
            attributes.setNetworkPeer(context.remotePeer)
        }
        for link in links { span.addLink(link) }
        return span
    }
}
