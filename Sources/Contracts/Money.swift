/// Amounts as people write them, and as the services keep them: in the currency's smallest unit.
public enum Money {
    /// Writes an amount: `49.90 EUR`, `500 JPY`.
    ///
    /// - Parameters:
    ///   - minorUnits: The amount in the currency's smallest unit.
    ///   - currency: The ISO 4217 code.
    public static func text(_ minorUnits: Int64, currency: String) -> String {
        let digits = decimals(of: currency)
        guard digits > 0 else { return "\(minorUnits) \(currency)" }
        let scale = scale(digits)
        let fraction = String((minorUnits % scale).magnitude)
        let sign = minorUnits < 0 && minorUnits > -scale ? "-" : ""
        let padding = String(repeating: "0", count: digits - fraction.count)
        return "\(sign)\(minorUnits / scale).\(padding)\(fraction) \(currency)"
    }

    /// Reads an amount: `49.90`, `49`, `-1`.
    ///
    /// - Parameters:
    ///   - text: The amount with at most as many decimals as the currency has.
    ///   - currency: The ISO 4217 code.
    /// - Returns: The amount in the currency's smallest unit, or `nil` for anything else.
    public static func minorUnits(_ text: some StringProtocol, currency: String) -> Int64? {
        let digits = decimals(of: currency)
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ Int64($0) }), parts.count <= 2 else { return nil }
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        guard fraction.count <= digits, fraction.allSatisfy(\.isNumber), parts.count == 1 || !fraction.isEmpty else {
            return nil
        }
        let padded = fraction + String(repeating: "0", count: digits - fraction.count)
        guard let small = padded.isEmpty ? 0 : Int64(padded) else { return nil }
        let (large, overflows) = whole.multipliedReportingOverflow(by: scale(digits))
        guard !overflows else { return nil }
        let (sum, isTooLarge) = large.addingReportingOverflow(text.hasPrefix("-") ? -small : small)
        return isTooLarge ? nil : sum
    }

    private static func scale(_ digits: Int) -> Int64 {
        (0..<digits).reduce(1) { scale, _ in scale * 10 }
    }

    /// ISO 4217 has two decimals for most currencies.
    private static func decimals(of currency: String) -> Int {
        exceptions[currency] ?? 2
    }

    private static let exceptions: [String: Int] = [
        "BHD": 3, "CLP": 0, "ISK": 0, "JOD": 3, "JPY": 0, "KRW": 0, "KWD": 3, "OMR": 3, "TND": 3, "UGX": 0, "VND": 0,
        "XAF": 0, "XOF": 0,
    ]
}
