internal import Contracts
internal import EventSourcing
internal import GRPCProtobuf
internal import SwiftProtobuf

/// What may be asked of an order, and the rules that decide it. Pure: no clock, no storage.
enum OrderCommand {
    /// Places an order.
    case create(Contrail_Events_V1_OrderCreated)
    /// Marks a created order as paid.
    case pay(reference: String)
    /// Marks a paid order as shipped.
    case ship(trackingNumber: String)
    /// Cancels an order that was not shipped.
    case cancel(reason: String)

    /// Decides the command.
    ///
    /// - Parameters:
    ///   - order: The order as it is.
    ///   - id: Its id.
    /// - Returns: What happens.
    /// - Throws: NOT_FOUND for an order that does not exist, FAILED_PRECONDITION for a step that its status forbids.
    func decide(on order: Versioned<OrderAggregate>, id: String) throws -> [OrderEvent] {
        let status = order.state.status
        let userID = order.state.userID
        switch self {
        case .create(let created):
            guard status == .none else { throw RequestError.alreadyExists("order", "order \(id) exists already") }
            return [.created(created)]
        case .pay(let reference):
            try Self.require(status, isOneOf: [.created], to: "paid", id: id)
            return [.paid(.with { ($0.orderID, $0.userID, $0.paymentReference) = (id, userID, reference) })]
        case .ship(let trackingNumber):
            try Self.require(status, isOneOf: [.paid], to: "shipped", id: id)
            return [.shipped(.with { ($0.orderID, $0.userID, $0.trackingNumber) = (id, userID, trackingNumber) })]
        case .cancel(let reason):
            try Self.require(status, isOneOf: [.created, .paid], to: "cancelled", id: id)
            return [.cancelled(.with { ($0.orderID, $0.userID, $0.reason) = (id, userID, reason) })]
        }
    }

    private static func require(
        _ status: OrderAggregate.Status,
        isOneOf allowed: [OrderAggregate.Status],
        to step: String,
        id: String
    ) throws {
        guard status != .none else { throw RequestError.notFound("order", id) }
        guard allowed.contains(status) else {
            let needed = allowed.map(\.rawValue).joined(separator: " or ")
            throw RequestError.failedPrecondition(
                "ORDER_STATUS",
                subject: id,
                "order \(id) is \(status.rawValue); only an order that is \(needed) can be \(step)"
            )
        }
    }
}
