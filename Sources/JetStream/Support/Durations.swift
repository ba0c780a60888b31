extension Duration {
    /// The duration in nanoseconds, clamped to what an `Int64` can hold (292 years).
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in whole milliseconds, rounded up, so that a short positive wait never becomes none.
    var milliseconds: Int64 {
        let value = nanoseconds
        return value / 1_000_000 + (value % 1_000_000 > 0 ? 1 : 0)
    }
}
