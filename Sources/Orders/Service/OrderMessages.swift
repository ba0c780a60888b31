internal import Contracts
internal import EventSourcing
internal import SwiftProtobuf

extension Contrail_Orders_V1_Order {
    /// Shows an aggregate as the API's message.
    init(_ order: Versioned<OrderAggregate>, id: String) {
        let state = order.state
        self.init()
        self.id = id
        userID = state.userID
        status = Contrail_Orders_V1_OrderStatus(state.status)
        lines = state.lines.map { line in
            .with {
                $0.sku = line.sku
                $0.quantity = line.quantity
                $0.unitPriceMinorUnits = line.unitPriceMinorUnits
            }
        }
        currencyCode = state.currencyCode
        totalMinorUnits = state.totalMinorUnits
        version = Int64(order.version)
        createdAt = Google_Protobuf_Timestamp(unixNanoseconds: state.createdAt)
        updatedAt = Google_Protobuf_Timestamp(unixNanoseconds: state.updatedAt)
        trackingNumber = state.trackingNumber
        cancellationReason = state.cancellationReason
    }
}

extension Contrail_Orders_V1_OrderStatus {
    init(_ status: OrderAggregate.Status) {
        switch status {
        case .none: self = .unspecified
        case .created: self = .created
        case .paid: self = .paid
        case .shipped: self = .shipped
        case .cancelled: self = .cancelled
        }
    }
}
