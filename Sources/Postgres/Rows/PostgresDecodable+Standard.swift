public import struct Foundation.Date
public import struct Foundation.UUID

extension String: PostgresDecodable {
    /// Reads texts of every kind, JSON, enumerations, and numbers of type `numeric`.
    public init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) {
        var bytes = bytes
        switch type {
        case .text, .varchar, .bpchar, .name, .json, .char, .xml, .unknown:
            break
        case .jsonb:
            // A version byte comes first.
            guard bytes.byteCount > 0 else { throw .init("the jsonb value is empty") }
            bytes = bytes.extracting(1..<bytes.byteCount)
        case .numeric:
            self = try PostgresNumeric(bytes).description
            return
        case _ where type.isUserDefined:
            break
        default:
            throw .init(type: type, isNot: String.self)
        }
        let text = bytes.withUnsafeBytes { String(validating: $0, as: UTF8.self) }
        guard let text else { throw .init("the text is not UTF-8") }
        self = text
    }
}

extension Bool: PostgresDecodable {
    /// Reads a value that is not NULL.
    public init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) {
        guard type == .bool, bytes.byteCount == 1 else { throw .init(type: type, isNot: Bool.self) }
        let value: UInt8 = bytes.integer(at: 0)
        self = value != 0
    }
}

extension Int64: PostgresDecodable {
    /// Reads every integer type, transaction identifiers, and numbers of type `numeric` that are whole.
    public init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) {
        switch (type, bytes.byteCount) {
        case (.int8, 8):
            self = bytes.integer(at: 0)
        case (.int4, 4):
            let value: Int32 = bytes.integer(at: 0)
            self = Int64(value)
        case (.int2, 2):
            let value: Int16 = bytes.integer(at: 0)
            self = Int64(value)
        case (.oid, 4), (.xid, 4):
            let value: UInt32 = bytes.integer(at: 0)
            self = Int64(value)
        case (.xid8, 8):
            let value: UInt64 = bytes.integer(at: 0)
            guard let value = Int64(exactly: value) else { throw .init("the number is too large for Int64") }
            self = value
        case (.numeric, _):
            guard let value = Int64(try PostgresNumeric(bytes).description) else {
                throw .init("the numeric value is not a whole number within Int64")
            }
            self = value
        default:
            throw .init(type: type, isNot: Int64.self)
        }
    }
}

extension Int: PostgresDecodable {
    /// Reads a value that is not NULL.
    public init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) {
        self = Int(try Int64(postgresBytes: bytes, type: type))
    }
}

extension Int32: PostgresDecodable {
    /// Reads a value that is not NULL.
    public init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) {
        guard let value = Int32(exactly: try Int64(postgresBytes: bytes, type: type)) else {
            throw .init("the number is too large for Int32")
        }
        self = value
    }
}

extension Double: PostgresDecodable {
    /// Reads floating-point numbers, and numbers of type `numeric` with rounding.
    public init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) {
        switch (type, bytes.byteCount) {
        case (.float8, 8):
            self.init(bitPattern: bytes.integer(at: 0))
        case (.float4, 4):
            self.init(Float(bitPattern: bytes.integer(at: 0)))
        case (.numeric, _):
            guard let value = Double(try PostgresNumeric(bytes).description) else {
                throw .init("the numeric value is malformed")
            }
            self = value
        default:
            throw .init(type: type, isNot: Double.self)
        }
    }
}

extension UUID: PostgresDecodable {
    /// Reads a value that is not NULL.
    public init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) {
        guard type == .uuid, bytes.byteCount == 16 else { throw .init(type: type, isNot: UUID.self) }
        func byte(_ index: Int) -> UInt8 { bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self) }

        self.init(
            uuid: (
                byte(0), byte(1), byte(2), byte(3), byte(4), byte(5), byte(6), byte(7),
                byte(8), byte(9), byte(10), byte(11), byte(12), byte(13), byte(14), byte(15)
            )
        )
    }
}

extension Date: PostgresDecodable {
    /// Reads `timestamptz`, and `timestamp` as UTC.
    public init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) {
        guard type == .timestamptz || type == .timestamp else { throw .init(type: type, isNot: Date.self) }
        self = try PostgresTimestamp(postgresBytes: bytes, type: type).date
    }
}
