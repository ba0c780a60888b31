internal import GRPCCore
internal import Observability
internal import Resilience
internal import Tracing

/// Records a CLIENT span for each call that was not made: without it, a trace would not show what failed.
struct RejectedCalls: Sendable {
    private let tracer: OTelTracer
    private let target: NetworkAddress

    init(target: NetworkAddress, telemetry: Telemetry) {
        tracer = telemetry.tracer(for: .rpcClient)
        self.target = target
    }

    /// Records a call that the pipeline refused, with a link to the span that opened the breaker. What other errors tell is
    /// in the spans of the attempts.
    func record(_ error: any Error, method: MethodDescriptor) {
        let code: RPCError.Code
        switch error {
        case is CircuitOpen: code = .unavailable
        case is BulkheadRejected: code = .resourceExhausted
        case let error as DeadlineExceeded where error.stage != .attempt: code = .deadlineExceeded
        default: return
        }
        let span = tracer.startSpan(.rpcClient, method.fullyQualifiedMethod) { attributes in
            attributes.setRPC(method.fullyQualifiedMethod)
            attributes[SemanticConventions.serverAddress] = .string(target.host)
            attributes[SemanticConventions.serverPort] = .int(target.port)
            attributes[SemanticConventions.rpcStatusCode] = .string(code.statusName)
        }
        span.link(toOpeningOf: error)
        span.setError(type: error.resilienceReason ?? code.statusName, message: "\(error)")
        span.end()
    }
}

extension OTelSpan {
    /// Links to the span in which the breaker opened that refused a call.
    func link(toOpeningOf error: any Error) {
        guard let opening = (error as? CircuitOpen)?.cause as? SpanContext else { return }
        addLink(OTelSpan.Link(context: opening))
    }
}
