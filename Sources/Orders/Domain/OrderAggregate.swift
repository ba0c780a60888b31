internal import Contracts
internal import EventSourcing

/// An order as its events tell it.
struct OrderAggregate: Aggregate {
    enum Status: String, Sendable {
        case none, created, paid, shipped, cancelled
    }

    private(set) var status = Status.none
    private(set) var orderID = ""
    private(set) var userID = ""
    private(set) var lines: [Contrail_Events_V1_OrderCreatedLine] = []
    private(set) var currencyCode = ""
    private(set) var totalMinorUnits: Int64 = 0
    private(set) var trackingNumber = ""
    private(set) var cancellationReason = ""
    private(set) var createdAt: UInt64 = 0
    private(set) var updatedAt: UInt64 = 0

    mutating func apply(_ event: OrderEvent, recording: EventRecording) {
        switch event {
        case .created(let created):
            status = .created
            orderID = created.orderID
            userID = created.userID
            lines = created.lines
            currencyCode = created.currencyCode
            totalMinorUnits = created.totalMinorUnits
            createdAt = recording.recordedAt
        case .paid:
            status = .paid
        case .shipped(let shipped):
            status = .shipped
            trackingNumber = shipped.trackingNumber
        case .cancelled(let cancelled):
            status = .cancelled
            cancellationReason = cancelled.reason
        }
        updatedAt = recording.recordedAt
    }
}
