internal import Contracts
internal import GRPCProtobuf
internal import SwiftProtobuf

/// Checks a new order at the edge.
enum OrderValidation {
    /// The most lines of an order.
    static let lineLimit = 100
    /// The most pieces of a line.
    static let quantityLimit: Int32 = 10_000

    /// Builds the event of a new order from its request.
    ///
    /// - Throws: INVALID_ARGUMENT that names the field.
    static func created(
        _ request: Contrail_Orders_V1_CreateOrderRequest,
        orderID: String,
        userID: String
    ) throws -> Contrail_Events_V1_OrderCreated {
        guard !request.lines.isEmpty else { throw RequestError.invalid("lines", "must have at least one line") }
        guard request.lines.count <= lineLimit else {
            throw RequestError.invalid("lines", "must have at most \(lineLimit) lines, not \(request.lines.count)")
        }
        let currency = request.currencyCode
        guard currency.utf8.count == 3,
            currency.utf8.allSatisfy({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) })
        else { throw RequestError.invalid("currency_code", "must be three capital letters, such as EUR") }
        var total: Int64 = 0
        for (index, line) in request.lines.enumerated() {
            total = try adding(line, to: total, field: "lines[\(index)]")
        }
        return .with {
            $0.orderID = orderID
            $0.userID = userID
            $0.currencyCode = currency
            $0.totalMinorUnits = total
            $0.lines = request.lines.map { line in
                .with {
                    $0.sku = line.sku
                    $0.quantity = line.quantity
                    $0.unitPriceMinorUnits = line.unitPriceMinorUnits
                }
            }
        }
    }

    private static func adding(
        _ line: Contrail_Orders_V1_OrderLine,
        to total: Int64,
        field: String
    ) throws -> Int64 {
        try RequestFields.length(line.sku, of: "\(field).sku", 1...64)
        guard (1...quantityLimit).contains(line.quantity) else {
            throw RequestError.invalid("\(field).quantity", "must be 1 to \(quantityLimit), not \(line.quantity)")
        }
        guard line.unitPriceMinorUnits >= 0 else {
            throw RequestError.invalid(
                "\(field).unit_price_minor_units",
                "must not be negative, but is \(line.unitPriceMinorUnits)"
            )
        }
        let (amount, isTooLarge) = line.unitPriceMinorUnits.multipliedReportingOverflow(by: Int64(line.quantity))
        let (sum, overflows) = total.addingReportingOverflow(amount)
        guard !isTooLarge, !overflows else {
            throw RequestError.invalid(field, "makes the order's total larger than can be represented")
        }
        return sum
    }
}
