public import struct Foundation.Date
public import struct Foundation.UUID

extension String: PostgresEncodable {
    public static var postgresType: PostgresType { .inferred }
    public static var postgresFormat: PostgresFormat { .text }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: utf8)
    }
}

extension Bool: PostgresEncodable {
    public static var postgresType: PostgresType { .bool }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(UInt8(self ? 1 : 0))
    }
}

extension Int: PostgresEncodable {
    public static var postgresType: PostgresType { .int8 }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(Int64(self))
    }
}

extension Int64: PostgresEncodable {
    public static var postgresType: PostgresType { .int8 }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(self)
    }
}

extension Int32: PostgresEncodable {
    public static var postgresType: PostgresType { .int4 }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(self)
    }
}

extension Double: PostgresEncodable {
    public static var postgresType: PostgresType { .float8 }

    public func encode(into buffer: inout PostgresBuffer) {
        buffer.append(bitPattern)
    }
}

extension UUID: PostgresEncodable {
    public static var postgresType: PostgresType { .uuid }

    public func encode(into buffer: inout PostgresBuffer) {
        withUnsafeBytes(of: uuid) { buffer.append(contentsOf: $0) }
    }
}

/// A `Date` is sent as `timestamptz`, rounded to microseconds.
extension Date: PostgresEncodable {
    public static var postgresType: PostgresType { .timestamptz }

    public func encode(into buffer: inout PostgresBuffer) {
        PostgresTimestamp(self).encode(into: &buffer)
    }
}
