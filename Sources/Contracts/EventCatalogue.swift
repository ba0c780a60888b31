public import SwiftProtobuf

/// The events that services publish: which subject carries which message in which schema version.
///
/// The one place where a subject is spelled. The subject is the event's type.
public struct EventDescriptor: Sendable, Hashable {
    /// The event's type and subject, for example `order.created`.
    public let type: String
    /// The version of the payload's schema that is written now.
    public let schemaVersion: Int
    /// The message of the payload, fully qualified.
    public let messageName: String
    /// The stream that keeps it.
    public let stream: EventStreamName

    /// The payload's schema, as `ce-dataschema` names it.
    public var schema: String { "\(messageName)/\(schemaVersion)" }
}

/// The streams of the shop.
public enum EventStreamName: String, Sendable, Hashable, CaseIterable {
    /// Events of orders.
    case orders = "ORDERS"
    /// Events of users.
    case users = "USERS"
    /// What could not be handled.
    case deadLetters = "DEAD_LETTERS"

    /// The subjects that the stream keeps.
    public var subjects: [String] {
        switch self {
        case .orders: ["order.created", "order.paid", "order.shipped", "order.cancelled"]
        case .users: ["user.created"]
        case .deadLetters: ["dead.>"]
        }
    }
}

/// A payload that is published: a generated message and its entry in the catalogue.
public protocol EventPayload: SwiftProtobuf.Message {
    /// The entry in the catalogue.
    static var event: EventDescriptor { get }
}

/// All events.
public enum EventCatalogue {
    /// Every event, in the order of the journey.
    public static let all: [EventDescriptor] = [
        Contrail_Events_V1_UserCreated.event,
        Contrail_Events_V1_OrderCreated.event,
        Contrail_Events_V1_OrderPaid.event,
        Contrail_Events_V1_OrderShipped.event,
        Contrail_Events_V1_OrderCancelled.event,
    ]

    /// The entry of a type, or `nil` for one that this version does not know.
    public static func descriptor(of type: String) -> EventDescriptor? {
        all.first { $0.type == type }
    }

    /// The stream that keeps events of a type; empty for an unknown type, which no stream then accepts.
    public static func stream(of type: String) -> String {
        descriptor(of: type)?.stream.rawValue ?? ""
    }

    /// The schema of a payload as `ce-dataschema` names it.
    public static func schema(of type: String, version: Int) -> String {
        "\(descriptor(of: type)?.messageName ?? type)/\(version)"
    }
}

extension Contrail_Events_V1_UserCreated: EventPayload {
    /// `user.created`.
    public static let event = EventDescriptor(
        type: "user.created",
        schemaVersion: 1,
        messageName: protoMessageName,
        stream: .users
    )
}

extension Contrail_Events_V1_OrderCreated: EventPayload {
    /// `order.created`.
    public static let event = EventDescriptor(
        type: "order.created",
        schemaVersion: 1,
        messageName: protoMessageName,
        stream: .orders
    )
}

extension Contrail_Events_V1_OrderPaid: EventPayload {
    /// `order.paid`.
    public static let event = EventDescriptor(
        type: "order.paid",
        schemaVersion: 1,
        messageName: protoMessageName,
        stream: .orders
    )
}

extension Contrail_Events_V1_OrderShipped: EventPayload {
    /// `order.shipped`.
    public static let event = EventDescriptor(
        type: "order.shipped",
        schemaVersion: 1,
        messageName: protoMessageName,
        stream: .orders
    )
}

extension Contrail_Events_V1_OrderCancelled: EventPayload {
    /// `order.cancelled`.
    public static let event = EventDescriptor(
        type: "order.cancelled",
        schemaVersion: 1,
        messageName: protoMessageName,
        stream: .orders
    )
}
