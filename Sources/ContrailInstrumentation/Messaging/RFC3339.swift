private import Foundation

/// Times of CloudEvents: UTC with nanoseconds.
enum RFC3339 {
    /// `2026-11-21T03:39:00.123456789Z`
    static func format(nanoseconds: UInt64) -> String {
        let seconds = Date(timeIntervalSince1970: Double(nanoseconds / 1_000_000_000))
        let whole = seconds.formatted(.iso8601.dateTimeSeparator(.standard)).dropLast()
        let fraction = String(nanoseconds % 1_000_000_000)
        return "\(whole).\(String(repeating: "0", count: 9 - fraction.count))\(fraction)Z"
    }

    /// Reads a time with any number of fractional digits and any offset.
    ///
    /// - Returns: Nanoseconds since the Unix epoch, or `nil`.
    static func parse(_ text: String) -> UInt64? {
        var whole = text
        var nanoseconds: UInt64 = 0
        if let dot = text.firstIndex(of: ".") {
            let digits = text[text.index(after: dot)...].prefix(while: \.isNumber)
            whole = String(text[..<dot]) + text[digits.endIndex...]
            let padded = (digits + "000000000").prefix(9)
            guard let fraction = UInt64(padded) else { return nil }
            nanoseconds = fraction
        }
        // Other people's clocks and mistakes arrive here: a time that 64 bits cannot hold is no time.
        guard let date = try? Date(whole, strategy: .iso8601),
            let seconds = UInt64(exactly: date.timeIntervalSince1970.rounded(.down))
        else { return nil }
        let (scaled, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isTooLarge) = scaled.addingReportingOverflow(nanoseconds)
        return overflows || isTooLarge ? nil : sum
    }
}
