public import struct Foundation.Date
public import struct Foundation.UUID

/// A type whose arrays have a counterpart on the server.
///
/// `UInt8` conforms for the one array that is no array there: `[UInt8]` is `bytea`.
public protocol PostgresArrayElement: Sendable {
    /// The server's type of an array of this type.
    static var postgresArrayType: PostgresType { get }
    /// The server's type of an element, when the array is sent.
    static var postgresElementType: PostgresType { get }
    /// Appends an array's bytes.
    static func encodeArray(_ array: [Self], into buffer: inout PostgresBuffer)
    /// Reads an array.
    static func decodeArray(_ bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) -> [Self]
    /// Appends the length and the bytes of an element, or the mark of NULL.
    static func encodeElement(_ element: Self, into buffer: inout PostgresBuffer)
    /// Reads an element; `nil` bytes stand for NULL.
    static func decodeElement(_ bytes: RawSpan?, type: PostgresType) throws(PostgresDecodingFailure) -> Self
}

extension PostgresArrayElement where Self: PostgresEncodable & PostgresDecodable {
    /// The server's type of an element, when the array is sent.
    public static var postgresElementType: PostgresType { postgresType }

    /// Appends the length and the bytes of an element, or the mark of NULL.
    public static func encodeElement(_ element: Self, into buffer: inout PostgresBuffer) {
        buffer.appendWithLength { element.encode(into: &$0) }
    }

    /// Reads an element; `nil` bytes stand for NULL.
    public static func decodeElement(
        _ bytes: RawSpan?,
        type: PostgresType
    ) throws(PostgresDecodingFailure) -> Self {
        guard let bytes else { throw .init("an element is NULL") }
        return try Self(postgresBytes: bytes, type: type)
    }
}

extension PostgresArrayElement {
    /// Appends the binary form of a one-dimensional array (`array_send` of the server).
    public static func encodeArray(_ array: [Self], into buffer: inout PostgresBuffer) {
        buffer.append(Int32(array.isEmpty ? 0 : 1))
        // The flag "has NULL elements", which the server does not rely on.
        buffer.append(Int32(1))
        buffer.append(postgresElementType.oid)
        guard !array.isEmpty else { return }
        buffer.append(Int32(clamping: array.count))
        buffer.append(Int32(1))
        for element in array {
            encodeElement(element, into: &buffer)
        }
    }

    /// Reads an array.
    public static func decodeArray(
        _ bytes: RawSpan,
        type: PostgresType
    ) throws(PostgresDecodingFailure) -> [Self] {
        let malformed = PostgresDecodingFailure("the array is malformed")
        guard type != .bytea, bytes.byteCount >= 12 else { throw .init(type: type, isNot: [Self].self) }
        let dimensions: Int32 = bytes.integer(at: 0)
        let elementType = PostgresType(oid: bytes.integer(at: 8))
        guard dimensions > 0 else { return [] }
        guard dimensions == 1 else { throw .init("the array has \(dimensions) dimensions; 1 is supported") }
        guard bytes.byteCount >= 20 else { throw malformed }
        let count: Int32 = bytes.integer(at: 12)
        var result: [Self] = []
        var offset = 20
        for _ in 0..<max(0, count) {
            guard bytes.byteCount - offset >= 4 else { throw malformed }
            let length: Int32 = bytes.integer(at: offset)
            offset += 4
            guard length >= 0 else {
                result.append(try decodeElement(nil, type: elementType))
                continue
            }
            guard bytes.byteCount - offset >= Int(length) else { throw malformed }
            let end = offset + Int(length)
            result.append(try decodeElement(bytes.extracting(offset..<end), type: elementType))
            offset = end
        }
        return result
    }
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    /// The server's type of the values.
    public static var postgresType: PostgresType { Element.postgresArrayType }

    /// Appends the value's bytes.
    public func encode(into buffer: inout PostgresBuffer) {
        Element.encodeArray(self, into: &buffer)
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    /// Reads a value that is not NULL.
    public init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure) {
        self = try Element.decodeArray(bytes, type: type)
    }
}

extension String: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { PostgresType(oid: 1009) }
    /// The server's type of an element, when the array is sent.
    public static var postgresElementType: PostgresType { .text }
}

extension Bool: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { PostgresType(oid: 1000) }
}

extension Int: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { PostgresType(oid: 1016) }
}

extension Int64: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { PostgresType(oid: 1016) }
}

extension Int32: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { PostgresType(oid: 1007) }
}

extension Double: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { PostgresType(oid: 1022) }
}

extension UUID: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { PostgresType(oid: 2951) }
}

extension Date: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { PostgresType(oid: 1185) }
}

extension PostgresTimestamp: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { PostgresType(oid: 1185) }
}

extension Array: PostgresArrayElement where Element == UInt8 {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { PostgresType(oid: 1001) }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
    /// The server's type of an element, when the array is sent.
    public static var postgresElementType: PostgresType { Wrapped.postgresElementType }

    /// Appends the length and the bytes of an element, or the mark of NULL.
    public static func encodeElement(_ element: Wrapped?, into buffer: inout PostgresBuffer) {
        guard let element else { return buffer.append(Int32(-1)) }
        Wrapped.encodeElement(element, into: &buffer)
    }

    /// Reads an element; `nil` bytes stand for NULL.
    public static func decodeElement(
        _ bytes: RawSpan?,
        type: PostgresType
    ) throws(PostgresDecodingFailure) -> Wrapped? {
        guard let bytes else { return nil }
        return try Wrapped.decodeElement(bytes, type: type)
    }
}

extension UInt8: PostgresArrayElement {
    /// The server's type of an array of this type.
    public static var postgresArrayType: PostgresType { .bytea }
    /// The server's type of an element, when the array is sent.
    public static var postgresElementType: PostgresType { .char }

    /// Appends the length and the bytes of an element, or the mark of NULL.
    public static func encodeElement(_ element: UInt8, into buffer: inout PostgresBuffer) {
        buffer.appendWithLength { $0.append(element) }
    }

    /// Reads an element; `nil` bytes stand for NULL.
    public static func decodeElement(
        _ bytes: RawSpan?,
        type: PostgresType
    ) throws(PostgresDecodingFailure) -> UInt8 {
        throw .init("bytes are read as a whole, as [UInt8]")
    }

    /// Appends an array's bytes.
    public static func encodeArray(_ array: [UInt8], into buffer: inout PostgresBuffer) {
        buffer.append(contentsOf: array)
    }

    /// Reads an array.
    public static func decodeArray(
        _ bytes: RawSpan,
        type: PostgresType
    ) throws(PostgresDecodingFailure) -> [UInt8] {
        guard type == .bytea else { throw .init(type: type, isNot: [UInt8].self) }
        return bytes.withUnsafeBytes { [UInt8]($0) }
    }
}
