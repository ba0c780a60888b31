internal import Contracts
internal import ContrailInstrumentation
internal import Foundation
internal import GRPCCore
internal import Logging
internal import Observability
internal import PostgresEventStore
internal import SwiftProtobuf
internal import Tracing

/// Handles one event: looks the customer up, delivers, and records it exactly once.
struct NotificationHandler: Sendable {
    /// The name under which the inbox and JetStream know this consumer.
    static let consumer = "notifications"

    let users: GuardedClient<any Contrail_Users_V1_UserService.ClientProtocol>
    let provider: any NotificationProvider
    let pool: PostgresPool
    let tracer: OTelTracer
    let metrics: NotificationMetrics
    let logger: Logger

    private var storage: NotificationStorage { NotificationStorage(pool: pool) }

    /// Handles a delivery.
    ///
    /// The inbox row is claimed first and committed together with the notification's row, so that the effect in the
    /// database happens once however often the event comes. A crash between the provider's answer and the commit
    /// delivers again, with the same id.
    func handle(_ delivery: EventDelivery) async throws {
        let notice = try Notice(delivery)
        OTelSpan.current?.setAttributes(
            [
                SemanticConventions.notificationID: .string(delivery.event.id),
                SemanticConventions.userID: .string(notice.userID),
                SemanticConventions.orderID: notice.orderID.isEmpty ? nil : .string(notice.orderID),
            ].compacted()
        )
        // Who is known need not be looked up: while users is away, what was handled before can still be acknowledged.
        if delivery.isRedelivery, try await storage.isHandled(delivery.event.id, by: Self.consumer) {
            return try await acknowledgeDuplicate(delivery)
        }
        let recipient = try await lookUp(notice.userID)
        delivery.finishedLookup()
        // The event's id makes the notification's: every attempt uses the same one.
        let id = delivery.event.id
        let journey: EventJourney? = try await pool.withTransaction { transaction in
            guard try await Inbox.claim(delivery.event.id, for: Self.consumer, in: transaction) else { return nil }
            try await deliver(notice, to: recipient, id: id)
            delivery.finishedDelivery()
            let deliveredAt = tracer.provider.now()
            return try await delivery.record {
                try await NotificationStorage.insert(
                    NotificationRow(delivery, notice: notice, channel: provider.channel, deliveredAt: deliveredAt),
                    in: transaction
                )
                if delivery.isRedelivery {
                    try await NotificationJournal.recovered(delivery.event.id, by: Self.consumer, in: transaction)
                }
                try await transaction.commit()
                metrics.delivered(by: provider.channel)
            }
        }
        guard let journey else { return try await acknowledgeDuplicate(delivery) }
        let completed = CompletedJourney(journey, isLate: delivery.isLate(journey))
        complete(completed)
        await store(completed, id: id)
    }

    /// Acknowledges what an earlier attempt has handled; when that attempt died before it could say so, the journey ends
    /// here.
    private func acknowledgeDuplicate(_ delivery: EventDelivery) async throws {
        OTelSpan.current?.setAttribute(SemanticConventions.outcome, "duplicate")
        let journey = try await delivery.acknowledge()
        let completed = CompletedJourney(journey, isLate: delivery.isLate(journey))
        if await store(completed, id: delivery.event.id) { complete(completed) }
    }

    private func complete(_ journey: CompletedJourney) {
        let span = OTelSpan.current
        metrics.completed(journey, span: span?.exportedContext)
        if let span { journey.describe(on: span) }
    }

    /// Stores a journey; what cannot be stored is missing in the row only, and is no reason to deliver again.
    ///
    /// - Returns: Whether it was stored, and had not been before.
    @discardableResult
    private func store(_ journey: CompletedJourney, id: String) async -> Bool {
        do {
            return try await storage.complete(id, journey)
        } catch {
            logger.debug("a journey was not stored", metadata: ["notification.id": "\(id)", "reason": "\(error)"])
            return false
        }
    }

    private func lookUp(_ userID: String) async throws -> Recipient {
        do {
            let user = try await users.call(
                Contrail_Users_V1_UserService.Method.GetUser.descriptor,
                isIdempotent: true
            ) { try await $0.getUser(.with { $0.id = userID }, options: $1).user }
            return Recipient(name: user.displayName, email: user.email)
        } catch let error as RPCError where error.code == .notFound || error.code == .invalidArgument {
            throw EventRejection(reason: "unknown_user", message: "there is no user \(userID.prefix(64))")
        }
    }

    private func deliver(_ notice: Notice, to recipient: Recipient, id: String) async throws {
        try await tracer.withSpan(
            .deliver,
            provider.channel,
            attributes: [
                SemanticConventions.stage: .string(Stage.deliver.rawValue),
                SemanticConventions.notificationChannel: .string(provider.channel),
                SemanticConventions.notificationID: .string(id),
            ]
        ) { _ in
            try await provider.deliver(notice, to: recipient, id: id)
        }
    }
}

extension SpanDeclaration {
    /// The provider call.
    static let deliver = SpanDeclaration(
        "deliver ",
        detail: SemanticConventions.notificationChannel,
        kind: .client,
        scope: "contrail.notifications",
        meaning: "The notification is handed to its provider.",
        attributes: [
            SemanticConventions.stage, SemanticConventions.notificationChannel, SemanticConventions.notificationID,
        ],
        sometimes: [(SemanticConventions.errorType, "it failed")]
    )
}

extension [String: AttributeValue?] {
    /// The attributes that have a value.
    fileprivate func compacted() -> Attributes {
        var attributes = Attributes()
        for (key, value) in self {
            if let value { attributes[key] = value }
        }
        return attributes
    }
}
