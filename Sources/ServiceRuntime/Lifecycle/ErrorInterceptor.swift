internal import Contracts
internal import ContrailInstrumentation
internal import EventSourcing
internal import GRPCCore
internal import GRPCProtobuf
internal import Logging
internal import Postgres

/// Translates what handlers throw into statuses for callers.
///
/// Refusals pass as they are. What a dependency did becomes UNAVAILABLE or ABORTED, so that callers know that trying again
/// makes sense; anything else is INTERNAL, is logged here, and tells the caller nothing that it should not know.
struct ErrorInterceptor: ServerInterceptor {
    let logger: Logger

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @Sendable (
                _ request: StreamingServerRequest<Input>,
                _ context: ServerContext
            ) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let method = context.descriptor.fullyQualifiedMethod
        var response: StreamingServerResponse<Output>
        do {
            response = try await next(request, context)
        } catch {
            throw translated(error, method: method)
        }
        if case .success(var contents) = response.accepted {
            let producer = contents.producer
            contents.producer = { writer in
                do {
                    return try await producer(writer)
                } catch {
                    throw translated(error, method: method)
                }
            }
            response.accepted = .success(contents)
        }
        return response
    }

    private func translated(_ error: any Error, method: String) -> any Error {
        switch error {
        case is RPCError, is any RPCErrorConvertible:
            return error
        case is CancellationError:
            // The caller has gone, or the process stops before its time: the effect may have been committed.
            return RPCError(code: .cancelled, message: "the call was cut short; its outcome is unknown")
        case let error as PostgresError where error.code == .commitOutcomeUnknown || error.code == .connectionLost:
            // The statement may have been committed before the connection was lost.
            return RequestError.unavailable(
                "postgresql",
                "the outcome is unknown because the database went away; try again with the same idempotency_key"
            )
        case let error as PostgresError where error.code == .timeout:
            return RequestError.unavailable(
                "postgresql",
                "the outcome is unknown because the database did not answer in time; try again with the same "
                    + "idempotency_key"
            )
        case let error as PostgresError where error.isRetriable:
            return RequestError.unavailable("postgresql", "the database is not available")
        case let error as EventStoreError where error.code == .tooManyConflicts:
            return RequestError.aborted(error.message)
        default:
            logger.error("call failed", metadata: ["rpc.method": "\(method)", "error": "\(error)"])
            return RPCError(code: .internalError, message: "internal error; the service's log knows more")
        }
    }
}
