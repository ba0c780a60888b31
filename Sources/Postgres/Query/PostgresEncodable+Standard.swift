public import struct Foundation.Date
public import struct Foundation.UUID

extension String: PostgresEncodable {
    /// The server's type of the values.
    public static var postgresType: PostgresType { .inferred }
    /// How the values are written.
    public static var postgresFormat: PostgresFormat { .text }

    /// Appends the value's bytes.
    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: utf8)
    }
}

extension Bool: PostgresEncodable {
    /// The server's type of the values.
    public static var postgresType: PostgresType { .bool }

    /// Appends the value's bytes.
    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(UInt8(self ? 1 : 0))
    }
}

extension Int: PostgresEncodable {
    /// The server's type of the values.
    public static var postgresType: PostgresType { .int8 }

    /// Appends the value's bytes.
    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(Int64(self))
    }
}

extension Int64: PostgresEncodable {
    /// The server's type of the values.
    public static var postgresType: PostgresType { .int8 }

    /// Appends the value's bytes.
    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(self)
    }
}

extension Int32: PostgresEncodable {
    /// The server's type of the values.
    public static var postgresType: PostgresType { .int4 }

    /// Appends the value's bytes.
    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(self)
    }
}

extension Double: PostgresEncodable {
    /// The server's type of the values.
    public static var postgresType: PostgresType { .float8 }

    /// Appends the value's bytes.
    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(bitPattern)
    }
}

extension UUID: PostgresEncodable {
    /// The server's type of the values.
    public static var postgresType: PostgresType { .uuid }

    /// Appends the value's bytes.
    public func encode(into buffer: inout PostgresBuffer) {
        withUnsafeBytes(of: uuid) { buffer.append(contentsOf: $0) }
    }
}

/// A `Date` is sent as `timestamptz`, rounded to microseconds.
extension Date: PostgresEncodable {
    /// The server's type of the values.
    public static var postgresType: PostgresType { .timestamptz }

    /// Appends the value's bytes.
    public func encode(into buffer: inout PostgresBuffer) {
        PostgresTimestamp(self).encode(into: &buffer)
    }
}
