public import GRPCCore
internal import Observability
internal import Tracing

/// Records a SERVER span and the call's duration for every call that arrives, unary and streaming.
///
/// The span continues the caller's trace and lasts until the last message is written. Health checks are measured but
/// make no spans. Implements the gRPC conventions of OpenTelemetry 1.44.
public struct TracingServerInterceptor: ServerInterceptor {
    private let tracer: OTelTracer
    private let metrics: RPCMetrics

    /// Creates the interceptor.
    public init(telemetry: Telemetry) {
        tracer = telemetry.tracer(for: .rpcServer)
        metrics = RPCMetrics(registry: telemetry.metrics, side: .server)
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
        let parent = W3CPropagator.extract { request.metadata.values(of: $0) }
        let call = RPCSpan(
            span: context.descriptor.isTraced
                ? tracer.startSpan(
                    .rpcServer,
                    context.descriptor.fullyQualifiedMethod,
                    parent: parent,
                    attributes: .rpc(context.descriptor).merging(.networkPeer(context.remotePeer))
                ) : nil,
            metrics: metrics,
            method: context.descriptor,
            deadline: request.metadata.deadline,
            isFailure: \.isServerFault
        )
        var response: StreamingServerResponse<Output>
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
}
