internal import GRPCCore
internal import Resilience

extension FailureClassification {
    /// Says what the failure of an attempt at a gRPC call means.
    ///
    /// Failures are what a sick server says, or says too late; anything else is an answer. What the caller cancelled is
    /// known to the pipeline, so CANCELLED comes from the other side here. An expired or unavailable server may do better
    /// in another attempt, one that has no room may as well; INTERNAL and UNKNOWN would be the same again.
    ///
    /// - Parameters:
    ///   - error: What the attempt threw.
    ///   - isIdempotent: Whether the call may be made twice.
    init(of error: any Error, isIdempotent: Bool) {
        if let expiry = error as? DeadlineExceeded {
            let pushback = (expiry.cause as? RPCError)?.pushback
            self.init(outcome: .failure, isRetryable: isIdempotent, pushback: pushback)
            return
        }
        guard let error = error as? RPCError else {
            // Not from the call at all, but from what stands around it.
            self.init(outcome: error is CancellationError ? .ignored : .failure, isRetryable: false)
            return
        }
        switch error.code {
        case .unavailable, .deadlineExceeded, .resourceExhausted:
            self.init(outcome: .failure, isRetryable: isIdempotent, pushback: error.pushback)
        case .internalError, .unknown, .dataLoss, .cancelled:
            self.init(outcome: .failure, isRetryable: false)
        default:
            self.init(outcome: .success, isRetryable: false)
        }
    }
}

extension RPCError {
    /// What the server says about another attempt; several or unreadable values mean that there should be none.
    var pushback: ServerPushback? {
        let values = metadata.values(of: "grpc-retry-pushback-ms")
        guard let value = values.first else { return nil }
        return values.count == 1 ? ServerPushback(milliseconds: value) : .doNotRetry
    }

    /// Whether an attempt had no time left, whoever noticed it first.
    func isExpiry(of attempt: ResiliencePipeline.Attempt) -> Bool {
        switch code {
        case .deadlineExceeded: true
        // The transport may report the reset of the stream before its own reason for it.
        case .cancelled: !Task.isCancelled && attempt.deadline?.hasPassed() == true
        default: false
        }
    }
}

extension Error {
    /// The error as callers of gRPC expect it, with this one as its cause.
    var asRPCError: any Error {
        switch self {
        case let error as CircuitOpen:
            RPCError(code: .unavailable, message: "\(error)", cause: error)
        case let error as BulkheadRejected:
            RPCError(code: .resourceExhausted, message: "\(error)", cause: error)
        case let error as DeadlineExceeded:
            RPCError(code: .deadlineExceeded, message: "\(error)", cause: error)
        default: self
        }
    }

    /// Why a call was not made, or not in time, of low cardinality; `nil` for what the other side said.
    ///
    /// Found also in the cause of an `RPCError`.
    var resilienceReason: String? {
        switch self {
        case is CircuitOpen: "breaker_open"
        case is BulkheadRejected: "bulkhead_full"
        case is DeadlineExceeded: "deadline_exceeded"
        case let error as RPCError: error.cause?.resilienceReason
        default: nil
        }
    }
}

extension CircuitOpen {
    /// The reason behind an error, if a breaker refused the call.
    ///
    /// - Parameter error: What a guarded call threw.
    static func reason(of error: any Error) -> CircuitOpen? {
        error as? CircuitOpen ?? (error as? RPCError)?.cause as? CircuitOpen
    }
}
