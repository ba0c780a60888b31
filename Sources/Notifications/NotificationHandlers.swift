internal import Contracts
internal import GRPCCore
internal import GRPCProtobuf
internal import SwiftProtobuf

/// The gRPC methods of the notifications service.
struct NotificationHandlers: Contrail_Notifications_V1_NotificationService.SimpleServiceProtocol {
    let storage: NotificationStorage

    func listNotifications(
        request: Contrail_Notifications_V1_ListNotificationsRequest,
        context: ServerContext
    ) async throws -> Contrail_Notifications_V1_ListNotificationsResponse {
        let userID =
            request.userID.isEmpty ? "" : try RequestFields.uuid(request.userID, field: "user_id").text
        let orderID =
            request.orderID.isEmpty ? "" : try RequestFields.uuid(request.orderID, field: "order_id").text
        guard (0...1000).contains(request.pageSize) else {
            throw RequestError.invalid("page_size", "must be 1 to 1,000, not \(request.pageSize)")
        }
        guard let before = request.pageToken.isEmpty ? Int64.max : Int64(request.pageToken) else {
            throw RequestError.invalid("page_token", "must be the next_page_token of the page before")
        }
        let page = try await storage.list(
            userID: userID,
            orderID: orderID,
            before: before,
            limit: request.pageSize == 0 ? 50 : Int(request.pageSize)
        )
        return .with {
            $0.notifications = page.rows.map(Contrail_Notifications_V1_Notification.init)
            $0.nextPageToken = page.next.map(String.init) ?? ""
        }
    }
}

extension Contrail_Notifications_V1_Notification {
    init(_ row: NotificationRow) {
        self.init()
        id = row.id
        userID = row.userID
        orderID = row.orderID
        eventType = row.eventType
        eventID = row.eventID
        channel = row.channel
        subject = row.subject
        occurredAt = Google_Protobuf_Timestamp(unixNanoseconds: row.occurredAt)
        deliveredAt = Google_Protobuf_Timestamp(unixNanoseconds: row.deliveredAt)
        traceID = row.traceID
        attempts = Int32(clamping: row.attempts)
    }
}
