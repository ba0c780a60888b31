internal import Contracts
internal import EventSourcing
internal import SwiftProtobuf

/// Something that happened to an order.
enum OrderEvent: DomainEvent, Equatable {
    case created(Contrail_Events_V1_OrderCreated)
    case paid(Contrail_Events_V1_OrderPaid)
    case shipped(Contrail_Events_V1_OrderShipped)
    case cancelled(Contrail_Events_V1_OrderCancelled)

    init(_ encoded: EncodedEvent) throws {
        switch encoded.type {
        case Contrail_Events_V1_OrderCreated.event.type: self = .created(try Self.payload(encoded))
        case Contrail_Events_V1_OrderPaid.event.type: self = .paid(try Self.payload(encoded))
        case Contrail_Events_V1_OrderShipped.event.type: self = .shipped(try Self.payload(encoded))
        case Contrail_Events_V1_OrderCancelled.event.type: self = .cancelled(try Self.payload(encoded))
        default:
            throw EventStoreError(
                .undecodableEvent,
                "“\(encoded.type)” is no event of an order that this version knows; was a newer version rolled back?"
            )
        }
    }

    func encoded() throws -> EncodedEvent {
        switch self {
        case .created(let payload): try Self.encode(payload)
        case .paid(let payload): try Self.encode(payload)
        case .shipped(let payload): try Self.encode(payload)
        case .cancelled(let payload): try Self.encode(payload)
        }
    }

    private static func encode<Payload: EventPayload>(_ payload: Payload) throws -> EncodedEvent {
        EncodedEvent(
            type: Payload.event.type,
            schemaVersion: Payload.event.schemaVersion,
            payload: try payload.serializedBytes()
        )
    }

    private static func payload<Payload: EventPayload>(_ encoded: EncodedEvent) throws -> Payload {
        guard encoded.schemaVersion <= Payload.event.schemaVersion else {
            throw EventStoreError(
                .undecodableEvent,
                "\(encoded.type) has schema version \(encoded.schemaVersion), this version knows "
                    + "\(Payload.event.schemaVersion); was a newer version rolled back?"
            )
        }
        do {
            return try Payload(serializedBytes: encoded.payload)
        } catch {
            throw EventStoreError(.undecodableEvent, "\(encoded.type) has a malformed payload")
        }
    }
}
