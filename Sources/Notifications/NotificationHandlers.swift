internal import Contracts
internal import ContrailInstrumentation
internal import GRPCCore
internal import GRPCProtobuf
internal import Observability
internal import SwiftProtobuf

/// The gRPC methods of the notifications service.
struct NotificationHandlers: Contrail_Notifications_V1_NotificationService.SimpleServiceProtocol {
    let storage: NotificationStorage
    let journal: NotificationJournal
    let deadLetters: DeadLetterHandlers

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

    func explainNotification(
        request: Contrail_Notifications_V1_ExplainNotificationRequest,
        context: ServerContext
    ) async throws -> Contrail_Notifications_V1_ExplainNotificationResponse {
        try RequestFields.length(request.id, of: "id", 1...200)
        guard let row = try await storage.find(request.id) else {
            throw RequestError.notFound("notification", request.id)
        }
        let attempts = try await journal.attempts(atEvent: row.eventID, by: NotificationHandler.consumer)
        return .with {
            $0.notification = Contrail_Notifications_V1_Notification(row)
            $0.failedAttempts = attempts.map(Contrail_Notifications_V1_Attempt.init)
            if let skew = row.journey?.skew, skew >= EventJourney.noticeableSkew {
                $0.clockSkew = Google_Protobuf_Duration(nanoseconds: skew)
            }
        }
    }

    func listDeadLetters(
        request: Contrail_Notifications_V1_ListDeadLettersRequest,
        context: ServerContext
    ) async throws -> Contrail_Notifications_V1_ListDeadLettersResponse {
        try await deadLetters.list(request)
    }

    func getDeadLetter(
        request: Contrail_Notifications_V1_GetDeadLetterRequest,
        context: ServerContext
    ) async throws -> Contrail_Notifications_V1_GetDeadLetterResponse {
        try await deadLetters.get(request)
    }

    func redriveDeadLetters(
        request: Contrail_Notifications_V1_RedriveDeadLettersRequest,
        context: ServerContext
    ) async throws -> Contrail_Notifications_V1_RedriveDeadLettersResponse {
        try await deadLetters.redrive(request)
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
        guard let journey = row.journey else { return }
        completedAt = Google_Protobuf_Timestamp(unixNanoseconds: journey.end)
        endToEnd = Google_Protobuf_Duration(nanoseconds: journey.total)
        late = journey.isLate
        cause = journey.cause?.rawValue ?? ""
        causeReason = journey.causeReason ?? ""
        stages = Stage.allCases.map { stage in
            .with {
                $0.name = stage.rawValue
                $0.duration = Google_Protobuf_Duration(nanoseconds: journey.stages[stage] ?? 0)
            }
        }
    }
}

extension Contrail_Notifications_V1_Attempt {
    init(_ attempt: DeliveryAttempt) {
        self.init()
        number = Int32(clamping: attempt.number)
        startedAt = Google_Protobuf_Timestamp(unixNanoseconds: attempt.times.start)
        failedAt = Google_Protobuf_Timestamp(unixNanoseconds: attempt.failedAt)
        reason = attempt.reason
        delay = Google_Protobuf_Duration(nanoseconds: UInt64(max(0, attempt.delay / .nanoseconds(1))))
        spanID = attempt.span.spanID.hex
        traceID = attempt.span.traceID.hex
    }
}
