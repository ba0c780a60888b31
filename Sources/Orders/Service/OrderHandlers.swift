internal import Contracts
internal import ContrailInstrumentation
internal import EventSourcing
internal import Foundation
internal import GRPCCore
internal import GRPCProtobuf
internal import Observability
internal import SwiftProtobuf

/// The gRPC methods of the orders service, over any event store.
struct OrderHandlers<Store: EventStore>: Contrail_Orders_V1_OrderService.SimpleServiceProtocol {
    private let repository: AggregateRepository<OrderAggregate, Store>
    private let customers: any CustomerDirectory
    private let propagators: Propagators

    /// - Parameters:
    ///   - store: Keeps the orders' events.
    ///   - customers: Knows who may order.
    ///   - propagators: Which headers are stored with events.
    init(store: Store, customers: any CustomerDirectory, propagators: Propagators) {
        repository = AggregateRepository(store: store)
        self.customers = customers
        self.propagators = propagators
    }

    func createOrder(
        request: Contrail_Orders_V1_CreateOrderRequest,
        context: ServerContext
    ) async throws -> Contrail_Orders_V1_CreateOrderResponse {
        let userID = try RequestFields.uuid(request.userID, field: "user_id").text
        let orderID = UUID().text
        let created = try OrderValidation.created(request, orderID: orderID, userID: userID)
        let key = try RequestFields.idempotencyKey(request.idempotencyKey, scope: "create:\(userID)")
        OTelSpan.current?.setAttribute(SemanticConventions.userID, .string(userID))
        try await customers.requireActive(userID)
        let order = try await execute(.create(created), on: orderID, commandID: key)
        return .with { $0.order = order }
    }

    func payOrder(
        request: Contrail_Orders_V1_PayOrderRequest,
        context: ServerContext
    ) async throws -> Contrail_Orders_V1_PayOrderResponse {
        try RequestFields.length(request.paymentReference, of: "payment_reference", 1...128)
        let order = try await execute(
            .pay(reference: request.paymentReference),
            onOrder: request.orderID,
            idempotencyKey: request.idempotencyKey,
            verb: "pay"
        )
        return .with { $0.order = order }
    }

    func shipOrder(
        request: Contrail_Orders_V1_ShipOrderRequest,
        context: ServerContext
    ) async throws -> Contrail_Orders_V1_ShipOrderResponse {
        try RequestFields.length(request.trackingNumber, of: "tracking_number", 1...128)
        let order = try await execute(
            .ship(trackingNumber: request.trackingNumber),
            onOrder: request.orderID,
            idempotencyKey: request.idempotencyKey,
            verb: "ship"
        )
        return .with { $0.order = order }
    }

    func cancelOrder(
        request: Contrail_Orders_V1_CancelOrderRequest,
        context: ServerContext
    ) async throws -> Contrail_Orders_V1_CancelOrderResponse {
        try RequestFields.length(request.reason, of: "reason", 0...500)
        let order = try await execute(
            .cancel(reason: request.reason),
            onOrder: request.orderID,
            idempotencyKey: request.idempotencyKey,
            verb: "cancel"
        )
        return .with { $0.order = order }
    }

    func getOrder(
        request: Contrail_Orders_V1_GetOrderRequest,
        context: ServerContext
    ) async throws -> Contrail_Orders_V1_GetOrderResponse {
        let orderID = try RequestFields.uuid(request.orderID, field: "order_id").text
        OTelSpan.current?.setAttribute(SemanticConventions.orderID, .string(orderID))
        let order = try await repository.load(orderID)
        guard order.version > 0 else { throw RequestError.notFound("order", orderID) }
        return .with { $0.order = Contrail_Orders_V1_Order(order, id: orderID) }
    }

    // MARK: Commands

    private func execute(
        _ command: OrderCommand,
        onOrder orderID: String,
        idempotencyKey: String,
        verb: String
    ) async throws -> Contrail_Orders_V1_Order {
        let orderID = try RequestFields.uuid(orderID, field: "order_id").text
        let key = try RequestFields.idempotencyKey(idempotencyKey, scope: "\(verb):\(orderID)")
        return try await execute(command, on: orderID, commandID: key)
    }

    private func execute(
        _ command: OrderCommand,
        on orderID: String,
        commandID: String?
    ) async throws -> Contrail_Orders_V1_Order {
        let isNew = if case .create = command { true } else { false }
        let outcome = try await repository.execute(
            on: orderID,
            isNew: isNew,
            commandID: commandID,
            // The events continue this call's trace, however much later they are published.
            headers: TraceHeaders.current(propagators)
        ) { order in
            try command.decide(on: order, id: orderID)
        }
        let id = outcome.aggregate.id
        OTelSpan.current?.setAttribute(SemanticConventions.orderID, .string(id))
        return Contrail_Orders_V1_Order(outcome.aggregate, id: id)
    }
}

extension Versioned<OrderAggregate> {
    /// The order's id, which its first event told it.
    var id: String { state.orderID }
}
