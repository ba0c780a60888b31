public import struct Foundation.Date

/// A point in time as the server keeps it: whole microseconds, without the rounding of a `Double`.
public struct PostgresTimestamp: Sendable, Hashable, Comparable {
    /// Microseconds since 1970-01-01 00:00 UTC.
    public let microsecondsSinceEpoch: Int64

    /// The server counts from 2000-01-01 00:00 UTC.
    private static let serverEpoch: Int64 = 946_684_800_000_000

    /// Creates a point in time from microseconds since 1970-01-01 00:00 UTC.
    public init(microsecondsSinceEpoch: Int64) {
        self.microsecondsSinceEpoch = microsecondsSinceEpoch
    }

    /// Creates a point in time from nanoseconds since 1970-01-01 00:00 UTC, rounded down to microseconds.
    public init(nanosecondsSinceEpoch: Int64) {
        let (quotient, remainder) = nanosecondsSinceEpoch.quotientAndRemainder(dividingBy: 1_000)
        microsecondsSinceEpoch = remainder < 0 ? quotient - 1 : quotient
    }

    /// Creates a point in time from a date, rounded to microseconds; the nearest one if the date is out of range.
    public init(_ date: Date) {
        let microseconds = (date.timeIntervalSince1970 * 1_000_000).rounded()
        microsecondsSinceEpoch = Int64(exactly: microseconds) ?? (microseconds < 0 ? .min : .max)
    }

    /// Nanoseconds since 1970-01-01 00:00 UTC; the nearest representable number beyond the years 1677 to 2262.
    public var nanosecondsSinceEpoch: Int64 {
        let (product, overflow) = microsecondsSinceEpoch.multipliedReportingOverflow(by: 1_000)
        return overflow ? (microsecondsSinceEpoch < 0 ? .min : .max) : product
    }

    /// The nearest `Date`.
    public var date: Date {
        let (seconds, microseconds) = microsecondsSinceEpoch.quotientAndRemainder(dividingBy: 1_000_000)
        return Date(timeIntervalSince1970: Double(seconds) + Double(microseconds) / 1_000_000)
    }

    /// Whether a point in time is earlier than another.
    public static func < (left: PostgresTimestamp, right: PostgresTimestamp) -> Bool {
        left.microsecondsSinceEpoch < right.microsecondsSinceEpoch
    }
}

extension PostgresTimestamp: PostgresEncodable {
    /// The server's type of the values.
    public static var postgresType: PostgresType { .timestamptz }

    /// Appends the value's bytes.
    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(microsecondsSinceEpoch.addingClamped(-Self.serverEpoch))
    }
}

extension PostgresTimestamp: PostgresDecodable {
    /// Reads a value that is not NULL.
    public init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) {
        guard type == .timestamptz || type == .timestamp, bytes.byteCount == 8 else {
            throw .init(type: type, isNot: PostgresTimestamp.self)
        }
        let value: Int64 = bytes.integer(at: 0)
        guard value != .max, value != .min else { throw .init("the timestamp is infinite") }
        self.init(microsecondsSinceEpoch: value.addingClamped(Self.serverEpoch))
    }
}
