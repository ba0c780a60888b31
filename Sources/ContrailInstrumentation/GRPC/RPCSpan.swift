public import GRPCCore
internal import Observability
private import Synchronization

/// One call's span and measurement, ended exactly once: by its outcome, or as cancelled when nobody reads on.
final class RPCSpan: Sendable {
    private let span: OTelSpan?
    private let metrics: RPCMetrics
    private let method: String
    private let request: Metadata
    private let isFailure: @Sendable (RPCError.Code?) -> Bool
    private let stopwatch: Stopwatch
    private let hasEnded = Mutex(false)

    /// - Parameters:
    ///   - request: The call's metadata, which tells how much time it has.
    ///   - stopwatch: Runs since the call began.
    ///   - isFailure: Whether a status is an error for this side of the call.
    init(
        span: OTelSpan?,
        metrics: RPCMetrics,
        method: String,
        request: Metadata,
        stopwatch: Stopwatch = Stopwatch(),
        isFailure: @escaping @Sendable (RPCError.Code?) -> Bool
    ) {
        self.span = span
        self.metrics = metrics
        self.method = method
        self.request = request
        self.stopwatch = stopwatch
        self.isFailure = isFailure
    }

    deinit {
        // The peer went away before the stream was read or produced: nobody will tell an outcome any more.
        finish(.cancelled, message: "")
    }

    /// Runs code whose spans are children of the call.
    func run<T>(_ body: () async throws -> T) async rethrows -> T {
        guard let span else { return try await body() }
        return try await ActiveContext(span).run(body)
    }

    /// Ends the span with an outcome.
    func end(_ error: (any Error)?) {
        switch error {
        case nil: finish(nil, message: "")
        // grpc-swift wraps what a handler throws before an interceptor sees it.
        case let error as RPCError where error.code == .unknown && error.cause is CancellationError:
            finish(.cancelled, message: "")
        case let error as RPCError: finish(error.code, message: error.message)
        case let error as any RPCErrorConvertible: finish(error.rpcErrorCode, message: error.rpcErrorMessage)
        case is CancellationError: finish(.cancelled, message: "")
        default: finish(.unknown, message: "")
        }
    }

    /// Whether the call's time is up, as near as this side can tell: the time began a little before the span.
    private var isLate: Bool {
        request.timeout.map { $0 / .seconds(1) <= stopwatch.seconds + 0.01 } ?? false
    }

    private func finish(_ code: RPCError.Code?, message: String) {
        let isFirst = hasEnded.withLock { hasEnded in
            defer { hasEnded = true }
            return !hasEnded
        }
        guard isFirst else { return }
        // grpc-swift cancels a call whose time is up and tells its caller why; in here the call is only cancelled.
        let code = code == .cancelled && isLate ? .deadlineExceeded : code
        let status = code?.statusName ?? "OK"
        let isFailure = isFailure(code)
        span?.setAttribute(SemanticConventions.rpcStatusCode, .string(status))
        if isFailure { span?.setError(type: status, message: message) }
        metrics.record(
            seconds: stopwatch.seconds,
            method: method,
            status: status,
            isFailure: isFailure,
            span: span?.exportedContext
        )
        span?.end()
    }
}

extension Optional where Wrapped == RPCError.Code {
    /// Whether a server is to blame for a status; the others are the caller's doing.
    var isServerFault: Bool {
        switch self {
        case .unknown?, .deadlineExceeded?, .unimplemented?, .internalError?, .unavailable?, .dataLoss?: true
        default: false
        }
    }

    /// Whether the status is OK.
    static var ok: RPCError.Code? { nil }
}

extension RPCError.Code {
    /// The name that gRPC's specification gives the code, in capitals.
    public var statusName: String {
        switch self {
        case .cancelled: "CANCELLED"
        case .unknown: "UNKNOWN"
        case .invalidArgument: "INVALID_ARGUMENT"
        case .deadlineExceeded: "DEADLINE_EXCEEDED"
        case .notFound: "NOT_FOUND"
        case .alreadyExists: "ALREADY_EXISTS"
        case .permissionDenied: "PERMISSION_DENIED"
        case .resourceExhausted: "RESOURCE_EXHAUSTED"
        case .failedPrecondition: "FAILED_PRECONDITION"
        case .aborted: "ABORTED"
        case .outOfRange: "OUT_OF_RANGE"
        case .unimplemented: "UNIMPLEMENTED"
        case .internalError: "INTERNAL"
        case .unavailable: "UNAVAILABLE"
        case .dataLoss: "DATA_LOSS"
        case .unauthenticated: "UNAUTHENTICATED"
        default: "UNKNOWN"
        }
    }
}
