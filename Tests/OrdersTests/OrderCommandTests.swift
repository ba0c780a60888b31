import Contracts
import EventSourcing
import GRPCCore
import GRPCProtobuf
import SwiftProtobuf
import TestKit
import Testing

@testable import Orders

@Suite("Decisions about an order")
struct OrderCommandTests {
    private static let id = "order-1"
    private static let creation = OrderCommand.create(.with { ($0.orderID, $0.userID) = (id, "user-1") })

    /// What each status allows, said once more and independently of the code.
    private static let allowed: [OrderAggregate.Status: Set<String>] = [
        .none: ["create"], .created: ["pay", "cancel"], .paid: ["ship", "cancel"], .shipped: [], .cancelled: [],
    ]

    private static let commands: [String: OrderCommand] = [
        "create": creation, "pay": .pay(reference: "p"), "ship": .ship(trackingNumber: "t"),
        "cancel": .cancel(reason: "r"),
    ]

    @Test("Random commands change an order exactly as its status allows", arguments: 0..<20)
    func randomCommands(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let store = InMemoryEventStore()
        let repository = AggregateRepository<OrderAggregate, InMemoryEventStore>(store: store)
        for _ in 0..<100 {
            let before = try await repository.load(Self.id)
            let (name, command) = try #require(Self.commands.randomElement(using: &random))
            let isAllowed = Self.allowed[before.state.status, default: []].contains(name)
            do {
                let outcome = try await repository.execute(on: Self.id) { try command.decide(on: $0, id: Self.id) }
                #expect(isAllowed, "\(name) of an order that is \(before.state.status)")
                #expect(outcome.aggregate.version == before.version + 1)
                #expect(outcome.aggregate.state.userID == "user-1")
            } catch let refusal as GoogleRPCStatus {
                #expect(!isAllowed)
                let expected: RPCError.Code =
                    name == "create" ? .alreadyExists : before.version == 0 ? .notFound : .failedPrecondition
                #expect(refusal.code == expected)
                #expect(try await repository.load(Self.id).version == before.version)
            }
        }
    }

    @Test("Every event survives its serialised form")
    func roundTrip() throws {
        let events: [OrderEvent] = [
            .created(.with { ($0.orderID, $0.totalMinorUnits, $0.currencyCode) = ("o", 5, "EUR") }),
            .paid(.with { $0.paymentReference = "p" }), .shipped(.with { $0.trackingNumber = "t" }),
            .cancelled(.with { $0.reason = "r" }),
        ]
        for event in events {
            let encoded = try event.encoded()
            #expect(try OrderEvent(encoded) == event)
            #expect(EventCatalogue.descriptor(of: encoded.type)?.stream == .orders)
        }
    }

    @Test("An unknown event, a newer schema and malformed bytes are refused, never skipped")
    func undecodable() {
        for encoded in [
            EncodedEvent(type: "order.eaten", schemaVersion: 1, payload: []),
            EncodedEvent(type: "order.paid", schemaVersion: 2, payload: []),
            EncodedEvent(type: "order.paid", schemaVersion: 1, payload: [0xFF]),
        ] {
            #expect(throws: EventStoreError.self) { try OrderEvent(encoded) }
        }
    }
}
