internal import TraceBackend

/// The spans of an order as the services make them, times in microseconds from a fixed moment.
struct SyntheticOrder {
    static let traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
    static let epoch: UInt64 = 1_700_000_000_000_000_000

    var spans: [TraceSpan] = []
    private var nextID = 0

    /// Adds a span and returns its id.
    @discardableResult
    mutating func add(
        _ name: String,
        _ kind: TraceSpan.Kind = .internal,
        of service: String,
        below parent: String? = nil,
        from start: Int,
        to end: Int,
        stage: String? = nil,
        attributes: [String: AttributeValue] = [:],
        error: String? = nil
    ) -> String {
        nextID += 1
        let id = Self.spanID(nextID)
        var attributes = attributes
        attributes["contrail.stage"] = stage.map { .string($0) }
        spans.append(
            TraceSpan(
                traceID: Self.traceID,
                spanID: id,
                parentSpanID: parent,
                name: name,
                kind: kind,
                service: service,
                startNanoseconds: Self.time(start),
                endNanoseconds: Self.time(end),
                attributes: attributes,
                status: error.map { TraceSpan.Status(.error, message: $0) } ?? TraceSpan.Status()
            )
        )
        return id
    }

    var trace: Trace { Trace(id: Self.traceID, spans: spans) }

    func without(_ name: String) -> Trace {
        Trace(id: Self.traceID, spans: spans.filter { $0.name != name })
    }

    mutating func change(_ name: String, _ body: (inout TraceSpan) -> Void) {
        for index in spans.indices where spans[index].name == name { body(&spans[index]) }
    }

    static func spanID(_ number: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    static func time(_ microseconds: Int) -> UInt64 {
        UInt64(Int(epoch) + microseconds * 1000)
    }
}

extension SyntheticOrder {
    static let getUser = "contrail.users.v1.UserService/GetUser"
    static let createOrder = "contrail.orders.v1.OrderService/CreateOrder"
    static let grpc: [String: AttributeValue] = ["rpc.system.name": "grpc"]
    static let sql: [String: AttributeValue] = ["db.system.name": "postgresql"]
    static let event: [String: AttributeValue] = [
        "messaging.system": "nats", "cloudevents.event_type": "order.created",
        "cloudevents.event_id": "0190f3c8-5d2e-7c11-9a55-3b1e0c9d7f01",
    ]

    /// A complete order, whose notification needs as many attempts as `failures` has entries, and one more.
    ///
    /// - Parameter consumerClock: what the clock of the consumer shows more than the others, in microseconds.
    static func order(failures: [String] = [], consumerClock: Int = 0) -> SyntheticOrder {
        var order = SyntheticOrder()
        let publish = order.addCommand()
        let clock = consumerClock
        order.add(
            "stream wait",
            of: "notifications",
            below: publish,
            from: 8_000,
            to: 8_600 + clock,
            stage: "stream_wait"
        )
        var time = 8_600 + clock
        for reason in failures {
            let process = order.add(
                "process order.created",
                .consumer,
                of: "notifications",
                below: publish,
                from: time,
                to: time + 31_000,
                error: reason
            )
            order.addLookup(below: process, at: time + 500)
            order.add(
                "deliver smtp",
                .client,
                of: "notifications",
                below: process,
                from: time + 3_000,
                to: time + 31_000,
                stage: "deliver",
                error: reason
            )
            order.add(
                "redelivery wait",
                of: "notifications",
                below: publish,
                from: time + 31_000,
                to: time + 131_000,
                stage: "redelivery_wait"
            )
            time += 131_000
        }
        let process = order.add(
            "process order.created",
            .consumer,
            of: "notifications",
            below: publish,
            from: time,
            to: time + 20_000
        )
        order.addLookup(below: process, at: time + 500)
        order.add(
            "deliver smtp",
            .client,
            of: "notifications",
            below: process,
            from: time + 3_000,
            to: time + 15_000,
            stage: "deliver"
        )
        let record = order.add(
            "record",
            of: "notifications",
            below: process,
            from: time + 15_000,
            to: time + 20_000,
            stage: "record"
        )
        order.add(
            "INSERT notifications",
            .client,
            of: "notifications",
            below: record,
            from: time + 15_200,
            to: time + 18_000,
            attributes: sql
        )
        order.add(
            "ack order.created",
            .client,
            of: "notifications",
            below: record,
            from: time + 18_100,
            to: time + 19_900
        )
        return order
    }

    /// The part before the stream; returns the id of the publish span.
    private mutating func addCommand() -> String {
        let root = add("contrail demo", of: "contrail", from: 0, to: 6_000)
        let client = add(
            Self.createOrder,
            .client,
            of: "contrail",
            below: root,
            from: 200,
            to: 5_800,
            attributes: Self.grpc
        )
        let server = add(
            Self.createOrder,
            .server,
            of: "orders",
            below: client,
            from: 1_000,
            to: 5_500,
            attributes: Self.grpc
        )
        addLookup(below: server, at: 1_200, from: "orders")
        add(
            "INSERT events outbox",
            .client,
            of: "orders",
            below: server,
            from: 3_400,
            to: 5_000,
            attributes: Self.sql
        )
        add("outbox wait", of: "orders", below: server, from: 5_000, to: 6_500, stage: "outbox_wait")
        return add(
            "publish order.created",
            .producer,
            of: "orders",
            below: server,
            from: 6_500,
            to: 8_200,
            stage: "publish",
            attributes: Self.event
        )
    }

    private mutating func addLookup(below parent: String, at time: Int, from service: String = "notifications") {
        let client = add(
            Self.getUser,
            .client,
            of: service,
            below: parent,
            from: time,
            to: time + 2_000,
            attributes: Self.grpc
        )
        let server = add(
            Self.getUser,
            .server,
            of: "users",
            below: client,
            from: time + 300,
            to: time + 1_800,
            attributes: Self.grpc
        )
        add(
            "SELECT users",
            .client,
            of: "users",
            below: server,
            from: time + 500,
            to: time + 1_500,
            attributes: Self.sql
        )
    }
}
