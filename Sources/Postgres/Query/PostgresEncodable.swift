/// How a value is written for the server.
public enum PostgresFormat: Int32, Sendable {
    /// As the type's text form.
    case text = 0
    /// As the type's binary form.
    case binary = 1
}

/// A type whose values can be interpolated into a ``PostgresQuery``.
public protocol PostgresEncodable: Sendable {
    /// The server's type of the values.
    static var postgresType: PostgresType { get }
    /// How the values are written.
    static var postgresFormat: PostgresFormat { get }
    /// Appends the value's bytes.
    func encode(into buffer: inout PostgresBuffer)
}

extension PostgresEncodable {
    /// How the values are written.
    public static var postgresFormat: PostgresFormat { .binary }
}

/// The bytes of values.
public struct PostgresBuffer: Sendable {
    var bytes: [UInt8] = []

    init() {
        // Never without storage: libpq takes a nil pointer for NULL, also for an empty value.
        bytes.reserveCapacity(64)
    }

    /// Appends an integer, most significant byte first.
    public mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Appends bytes.
    public mutating func append(contentsOf other: some Collection<UInt8>) {
        bytes.append(contentsOf: other)
    }

    /// Appends what `body` appends, after its length.
    mutating func appendWithLength(_ body: (inout PostgresBuffer) -> Void) {
        let start = bytes.count
        append(Int32(0))
        body(&self)
        let length = Int32(clamping: bytes.count - start - 4)
        withUnsafeBytes(of: length.bigEndian) { length in
            bytes.replaceSubrange(start..<start + 4, with: length)
        }
    }
}
