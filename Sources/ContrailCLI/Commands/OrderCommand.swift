internal import ArgumentParser
internal import Contracts
internal import SwiftProtobuf

/// `contrail order`
struct OrderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "order",
        abstract: "Places orders and moves them on.",
        subcommands: [Create.self, Pay.self, Ship.self, Cancel.self, Get.self]
    )

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Places an order and prints it.",
            discussion: "Example: contrail order create --user 7f0c… --item book:2:12.50 --item pen:1:0.99"
        )

        @Option(help: "The customer's id.")
        var user: String

        @Option(
            name: .customLong("item"),
            help: ArgumentHelp("A line of the order; may be repeated.", valueName: "sku:quantity:price")
        )
        var items: [OrderItem]

        @Option(help: "The currency, an ISO 4217 code.")
        var currency = "EUR"

        @Option(help: "Makes a repeated call harmless: the same key answers with the same order.")
        var idempotencyKey = ""

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reporting { console in
                let lines = try items.map { try $0.line(currency: currency) }
                try await console.order("create", at: addresses, output) { orders in
                    try await orders.createOrder(
                        .with {
                            $0.userID = user
                            $0.lines = lines
                            $0.currencyCode = currency
                            $0.idempotencyKey = idempotencyKey
                        }
                    ).order
                }
            }
        }
    }

    struct Pay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Marks a created order as paid.")

        @Argument(help: "The order's id.")
        var id: String

        @Option(help: "What the payment provider calls the payment.")
        var reference = "manual"

        @Option(help: "Makes a repeated call harmless: the same key changes nothing again.")
        var idempotencyKey = ""

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reporting { console in
                try await console.order("pay", at: addresses, output) { orders in
                    try await orders.payOrder(
                        .with { ($0.orderID, $0.paymentReference, $0.idempotencyKey) = (id, reference, idempotencyKey) }
                    ).order
                }
            }
        }
    }

    struct Ship: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Marks a paid order as shipped.")

        @Argument(help: "The order's id.")
        var id: String

        @Option(help: "The parcel's tracking number.")
        var tracking: String

        @Option(help: "Makes a repeated call harmless: the same key changes nothing again.")
        var idempotencyKey = ""

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reporting { console in
                try await console.order("ship", at: addresses, output) { orders in
                    try await orders.shipOrder(
                        .with { ($0.orderID, $0.trackingNumber, $0.idempotencyKey) = (id, tracking, idempotencyKey) }
                    ).order
                }
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Cancels an order that was not shipped.")

        @Argument(help: "The order's id.")
        var id: String

        @Option(help: "Why; the customer is told.")
        var reason = ""

        @Option(help: "Makes a repeated call harmless: the same key changes nothing again.")
        var idempotencyKey = ""

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reporting { console in
                try await console.order("cancel", at: addresses, output) { orders in
                    try await orders.cancelOrder(
                        .with { ($0.orderID, $0.reason, $0.idempotencyKey) = (id, reason, idempotencyKey) }
                    ).order
                }
            }
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows an order.")

        @Argument(help: "The order's id.")
        var id: String

        @OptionGroup var addresses: ServiceAddresses
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await reporting { console in
                try await console.order("get", at: addresses, output) { orders in
                    try await orders.getOrder(.with { $0.orderID = id }).order
                }
            }
        }
    }
}

extension Console {
    /// Runs one call of the orders service as a trace of its own and prints the order.
    fileprivate func order(
        _ verb: String,
        at addresses: ServiceAddresses,
        _ output: OutputOptions,
        _ call: @Sendable (any Contrail_Orders_V1_OrderService.ClientProtocol) async throws -> Contrail_Orders_V1_Order
    ) async throws {
        let session = Session()
        let target = try addresses.orders()
        try await session.run("contrail order \(verb)") { traceID in
            let order = try await session.withOrders(at: target, call)
            if output.json { return print(try order.jsonString(traceID: traceID)) }
            print(table(order.rows(self) + [["trace", traceID]], indent: 0))
        }
    }
}

extension Contrail_Orders_V1_Order {
    /// The order as lines of a table.
    func rows(_ console: Console) -> [[String]] {
        var rows = [
            ["order", console.bold(id)],
            ["status", statusName],
            ["customer", userID],
            ["total", Money.text(totalMinorUnits, currency: currencyCode)],
            ["version", String(version)],
        ]
        for line in lines {
            rows.append([
                "line",
                "\(line.quantity) × \(line.sku) at \(Money.text(line.unitPriceMinorUnits, currency: currencyCode))",
            ])
        }
        if !trackingNumber.isEmpty { rows.append(["tracking", trackingNumber]) }
        if !cancellationReason.isEmpty { rows.append(["reason", cancellationReason]) }
        return rows
    }

    private var statusName: String {
        switch status {
        case .created: "created"
        case .paid: "paid"
        case .shipped: "shipped"
        case .cancelled: "cancelled"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }
}

/// A line as the command line writes it: `book:2:12.50`.
struct OrderItem: ExpressibleByArgument, Sendable {
    let sku: String
    let quantity: Int32
    let price: String

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, let quantity = Int32(parts[1]) else { return nil }
        sku = String(parts[0])
        self.quantity = quantity
        price = String(parts[2])
    }

    func line(currency: String) throws -> Contrail_Orders_V1_OrderLine {
        guard let amount = Money.minorUnits(price, currency: currency) else {
            throw ValidationError("“\(price)” is no amount in \(currency); write for example 12.50")
        }
        return .with {
            $0.sku = sku
            $0.quantity = quantity
            $0.unitPriceMinorUnits = amount
        }
    }
}
