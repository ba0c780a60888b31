internal import GRPCCore
internal import HTTPTransport
internal import Postgres

extension Error {
    /// Why an attempt failed, of low cardinality: the `error.type` of a process span and the reason of the next attempt.
    var failureReason: String {
        if let resilienceReason { return resilienceReason }
        return switch self {
        case let error as RPCError: error.code.statusName.lowercased()
        case let error as any RPCErrorConvertible: error.rpcErrorCode.statusName.lowercased()
        case let error as PostgresError: "postgresql_\(error.sqlState?.rawValue ?? error.code.description)"
        case let error as CurlError: error.status.map { "smtp_\($0)" } ?? "smtp_\(error.code)"
        default: messagingErrorType
        }
    }
}
