internal import Contracts
internal import ContrailInstrumentation
internal import GRPCCore
internal import GRPCProtobuf
internal import Resilience
internal import SwiftProtobuf

/// Knows who may order.
protocol CustomerDirectory: Sendable {
    /// Returns when the customer exists and is active.
    ///
    /// - Throws: NOT_FOUND or FAILED_PRECONDITION otherwise, UNAVAILABLE when nobody can tell.
    func requireActive(_ userID: String) async throws
}

/// Asks the users service.
struct RemoteCustomerDirectory: CustomerDirectory {
    let users: GuardedClient<any Contrail_Users_V1_UserService.ClientProtocol>

    func requireActive(_ userID: String) async throws {
        let user: Contrail_Users_V1_User
        do {
            user = try await users.call(Contrail_Users_V1_UserService.Method.GetUser.descriptor, isIdempotent: true) {
                try await $0.getUser(.with { $0.id = userID }, options: $1).user
            }
        } catch let error as RPCError {
            switch error.code {
            case .notFound: throw RequestError.notFound("user", userID)
            case .unavailable, .deadlineExceeded, .cancelled, .resourceExhausted:
                throw Self.unavailable(error)
            default: throw error
            }
        }
        guard user.status == .active else {
            throw RequestError.failedPrecondition(
                "USER_STATUS",
                subject: userID,
                "user \(userID) is blocked and cannot order"
            )
        }
    }

    /// Says that nobody can tell, and when to ask again if that is known.
    private static func unavailable(_ error: RPCError) -> GoogleRPCStatus {
        let message = "the users service cannot be asked about the customer"
        guard let open = error.cause as? CircuitOpen else { return RequestError.unavailable("users", message) }
        return RequestError.unavailable("users", "\(message): \(open)", retryAfter: open.retryAfter ?? .seconds(1))
    }
}
