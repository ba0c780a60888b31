/// A type that columns can be decoded as.
public protocol PostgresDecodable: Sendable {
    /// Reads a value that is not NULL.
    ///
    /// - Parameters:
    ///   - bytes: the binary form of the value.
    ///   - type: the column's type.
    /// - Throws: ``PostgresDecodingFailure`` if a value of this type cannot be read as `Self`.
    init(postgresBytes bytes: RawSpan, type: PostgresType) throws(PostgresDecodingFailure)
}

/// Why a value could not be decoded; never the value itself.
public struct PostgresDecodingFailure: Error, Sendable {
    let reason: String

    /// Creates a failure.
    ///
    /// - Parameter reason: a clause such as "the array is malformed".
    public init(_ reason: String) {
        self.reason = reason
    }

    /// Creates the failure that a column's type does not fit.
    public init(type: PostgresType, isNot expected: Any.Type) {
        reason = "\(type) is not readable as \(expected)"
    }
}

extension RawSpan {
    /// The big-endian integer at an offset, which the caller has checked.
    func integer<Value: FixedWidthInteger & BitwiseCopyable>(at offset: Int) -> Value {
        var value: Value = 0
        for index in offset..<offset + MemoryLayout<Value>.size {
            value = value << 8 | Value(truncatingIfNeeded: unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
        return value
    }
}
