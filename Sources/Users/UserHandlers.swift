internal import Contracts
internal import Foundation
internal import GRPCCore
internal import GRPCProtobuf
internal import Observability
internal import SwiftProtobuf

/// The gRPC methods of the users service.
struct UserHandlers: Contrail_Users_V1_UserService.SimpleServiceProtocol {
    let storage: UserStorage

    func createUser(
        request: Contrail_Users_V1_CreateUserRequest,
        context: ServerContext
    ) async throws -> Contrail_Users_V1_CreateUserResponse {
        let email = try EmailAddress(request.email)
        let name = request.displayName.isEmpty ? email.localPart : request.displayName
        try RequestFields.length(name, of: "display_name", 1...400)
        guard name.count <= 100, !name.contains(where: \.isNewline) else {
            throw RequestError.invalid("display_name", "must be one line of at most 100 characters")
        }
        let key = try RequestFields.idempotencyKey(request.idempotencyKey, scope: "create")
        let user = try await storage.insert(id: UUID(), email: email.text, displayName: name, idempotencyKey: key)
        OTelSpan.current?.setAttribute(SemanticConventions.userID, .string(user.id.text))
        return .with { $0.user = Contrail_Users_V1_User(user) }
    }

    func getUser(
        request: Contrail_Users_V1_GetUserRequest,
        context: ServerContext
    ) async throws -> Contrail_Users_V1_GetUserResponse {
        let id = try RequestFields.uuid(request.id, field: "id")
        OTelSpan.current?.setAttribute(SemanticConventions.userID, .string(id.text))
        guard let user = try await storage.find(id) else { throw RequestError.notFound("user", id.text) }
        return .with { $0.user = Contrail_Users_V1_User(user) }
    }
}

extension Contrail_Users_V1_User {
    init(_ user: StoredUser) {
        self.init()
        id = user.id.text
        email = user.email
        displayName = user.displayName
        status = user.isBlocked ? .blocked : .active
        createdAt = Google_Protobuf_Timestamp(unixNanoseconds: user.createdAt)
    }
}
