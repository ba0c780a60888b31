internal import Contracts
internal import GRPCCore
internal import GRPCProtobuf
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
    let users: any Contrail_Users_V1_UserService.ClientProtocol

    func requireActive(_ userID: String) async throws {
        let user: Contrail_Users_V1_User
        do {
            user = try await users.getUser(.with { $0.id = userID }).user
        } catch let error as RPCError {
            switch error.code {
            case .notFound: throw RequestError.notFound("user", userID)
            case .unavailable, .deadlineExceeded, .cancelled:
                throw RequestError.unavailable("users", "the users service cannot be asked about the customer")
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
}
