internal import Contracts
internal import ContrailInstrumentation
internal import Foundation
internal import SwiftProtobuf

/// What is told to a customer: subject and text for one event.
struct Notice: Sendable, Equatable {
    /// The customer.
    let userID: String
    /// The order, when the event is about one.
    let orderID: String
    /// The subject line.
    let subject: String
    /// The text; the customer's name is put in front of it.
    let text: String

    /// Writes the notice of an event.
    ///
    /// - Throws: `EventRejection` for a payload that cannot be read: another delivery would not help.
    init(_ delivery: EventDelivery) throws {
        do {
            switch delivery.event.type {
            case Contrail_Events_V1_UserCreated.event.type:
                let event = try Contrail_Events_V1_UserCreated(serializedBytes: delivery.payload)
                self.init(event.userID, "", "Welcome", "your account is ready.")
            case Contrail_Events_V1_OrderCreated.event.type:
                let event = try Contrail_Events_V1_OrderCreated(serializedBytes: delivery.payload)
                let total = Money.text(event.totalMinorUnits, currency: event.currencyCode)
                self.init(
                    event.userID,
                    event.orderID,
                    "Your order \(Self.short(event.orderID))",
                    "we have received your order over \(total)."
                )
            case Contrail_Events_V1_OrderPaid.event.type:
                let event = try Contrail_Events_V1_OrderPaid(serializedBytes: delivery.payload)
                self.init(
                    event.userID,
                    event.orderID,
                    "Payment for order \(Self.short(event.orderID))",
                    "we have received your payment. Thank you."
                )
            case Contrail_Events_V1_OrderShipped.event.type:
                let event = try Contrail_Events_V1_OrderShipped(serializedBytes: delivery.payload)
                self.init(
                    event.userID,
                    event.orderID,
                    "Order \(Self.short(event.orderID)) is on its way",
                    "your order was shipped. Its tracking number is \(event.trackingNumber)."
                )
            case Contrail_Events_V1_OrderCancelled.event.type:
                let event = try Contrail_Events_V1_OrderCancelled(serializedBytes: delivery.payload)
                let reason = event.reason.isEmpty ? "" : " Reason: \(event.reason)."
                self.init(
                    event.userID,
                    event.orderID,
                    "Order \(Self.short(event.orderID)) was cancelled",
                    "your order was cancelled.\(reason)"
                )
            default:
                throw EventRejection(reason: "unknown_type", message: "there is no notice for this event")
            }
        } catch let rejection as EventRejection {
            throw rejection
        } catch {
            throw EventRejection(reason: "undecodable", message: "the payload is no \(delivery.event.type)")
        }
        // Checked before anything is delivered: what the database refuses afterwards would be delivered again and again.
        let isAboutOrder = delivery.event.type != Contrail_Events_V1_UserCreated.event.type
        guard UUID(uuidString: userID) != nil, !isAboutOrder || UUID(uuidString: orderID) != nil else {
            throw EventRejection(reason: "undecodable", message: "the payload does not name its user and order by UUID")
        }
    }

    private init(_ userID: String, _ orderID: String, _ subject: String, _ text: String) {
        self.userID = userID
        self.orderID = orderID
        self.subject = subject
        self.text = text
    }

    /// Enough of an id for people to recognise it.
    private static func short(_ id: String) -> Substring { id.prefix(8) }
}
