internal import FoundationEssentials

/// Times as a person reads them.
package enum TimeText {
    /// A duration with three significant digits and its unit: `812 ns`, `4.12 ms`, `1.20 s`, `2m 03s`.
    package static func short(_ nanoseconds: UInt64) -> String {
        if nanoseconds == 0 { return "0" }
        if nanoseconds < 1000 { return "\(nanoseconds) ns" }
        var value = Double(nanoseconds) / 1000
        for unit in ["µs", "ms"] {
            // Above 999.5 three digits would round to 1000, which is one of the next unit.
            if value < 999.5 { return threeDigits(value) + " " + unit }
            value /= 1000
        }
        if value < 59.95 { return threeDigits(value) + " s" }
        let seconds = UInt64(value.rounded())
        if seconds < 3600 { return "\(seconds / 60)m \(padded(seconds % 60))s" }
        let minutes = seconds / 60
        if minutes < 24 * 60 { return "\(minutes / 60)h \(padded(minutes % 60))m" }
        return "\(minutes / 1440)d \(padded(minutes / 60 % 24))h"
    }

    /// A duration that is never negative in this module's tables; a negative one is written with a minus sign.
    package static func short(_ nanoseconds: Int64) -> String {
        (nanoseconds < 0 ? "-" : "") + short(nanoseconds.magnitude)
    }

    /// A share with one decimal: `0.3 %`.
    package static func percent(_ share: Double) -> String {
        let tenths = Int((share * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10) %"
    }

    /// A moment in UTC with milliseconds.
    package static func moment(_ nanoseconds: UInt64) -> String {
        let date = Date(timeIntervalSince1970: Double(nanoseconds) / 1e9)
        return date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// A duration in whole nanoseconds; zero when negative, the largest number when too long.
    package static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : whole + UInt64(attoseconds / 1_000_000_000)
    }

    private static func threeDigits(_ value: Double) -> String {
        let decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0
        let scale = [1, 10, 100][decimals]
        let number = Int((value * Double(scale)).rounded())
        guard decimals > 0 else { return "\(number)" }
        let fraction = String(number % scale)
        return "\(number / scale)." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    private static func padded(_ number: UInt64) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
