internal import Contracts
internal import Foundation
internal import SwiftProtobuf

/// A payload for people: the fields of one of our events without what is about a person, or else some bytes.
struct EventPayloadText {
    /// What stands for a value that is not shown.
    static let hidden = "[not shown]"

    /// The fields; `nil` when the bytes are no event that this version knows.
    let object: [String: Any]?
    /// The beginning in hexadecimal digits.
    let hex: String

    private static let events: [any EventPayload.Type] = [
        Contrail_Events_V1_UserCreated.self, Contrail_Events_V1_OrderCreated.self, Contrail_Events_V1_OrderPaid.self,
        Contrail_Events_V1_OrderShipped.self, Contrail_Events_V1_OrderCancelled.self,
    ]

    /// The fields whose values say nothing about a person, at any depth. A field that is new is hidden until it is named.
    private static let harmless: Set<String> = [
        "orderId", "userId", "lines", "currencyCode", "totalMinorUnits", "sku", "quantity", "unitPriceMinorUnits",
    ]

    private static let shownBytes = 64

    init(type: String, bytes: Data) {
        object = Self.decode(type, bytes).map(Self.withoutPersons)
        hex =
            bytes.prefix(Self.shownBytes).map { byte in
                (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined() + (bytes.count > Self.shownBytes ? "…" : "")
    }

    var isReadable: Bool { object != nil }

    /// The payload as indented JSON, or its bytes.
    var lines: [String] {
        guard let object,
            let data = try? JSONSerialization.data(
                withJSONObject: object,
                options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            )
        else { return [hex] }
        return String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private static func decode(_ type: String, _ bytes: Data) -> [String: Any]? {
        guard let event = events.first(where: { $0.event.type == type }),
            let message = try? event.init(serializedBytes: bytes),
            let text = try? message.jsonString(),
            let object = try? JSONSerialization.jsonObject(with: Data(text.utf8))
        else { return nil }
        return object as? [String: Any]
    }

    private static func withoutPersons(_ object: [String: Any]) -> [String: Any] {
        var object = object
        for (key, value) in object {
            if !harmless.contains(key) {
                object[key] = hidden
            } else if let list = value as? [[String: Any]] {
                object[key] = list.map(withoutPersons)
            }
        }
        return object
    }
}
