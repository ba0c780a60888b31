/// The values of a statement in one buffer, ready for libpq.
struct PostgresValues: Sendable {
    /// One value's place in the buffer; a negative length stands for NULL.
    private struct Slot: Sendable {
        var type: PostgresType
        var format: Int32
        var offset: Int
        var length: Int
    }

    private var slots: [Slot] = []
    private var buffer = PostgresBuffer()
    /// What is wrong with a value, by the number of the first such value.
    private(set) var failure: PostgresError?

    var count: Int { slots.count }

    /// The types, which are part of what a prepared statement is.
    var types: [UInt32] { slots.map(\.type.oid) }

    mutating func reserveCapacity(_ count: Int) {
        slots.reserveCapacity(count)
    }

    mutating func append<Value: PostgresEncodable>(_ value: Value) {
        let offset = buffer.bytes.count
        value.encode(into: &buffer)
        let length = buffer.bytes.count - offset
        if Value.postgresFormat == .text {
            // libpq takes texts as C strings: a NUL would cut the value off in silence.
            if failure == nil, buffer.bytes[offset...].contains(0) {
                failure = PostgresError(
                    .encoding,
                    "value $\(slots.count + 1) holds a NUL character, which PostgreSQL refuses in texts; "
                        + "remove it or use bytea"
                )
            }
            buffer.bytes.append(0)
        }
        slots.append(
            Slot(type: Value.postgresType, format: Value.postgresFormat.rawValue, offset: offset, length: length)
        )
        if slots.count > 65_535, failure == nil {
            failure = PostgresError(.encoding, "a statement has more than 65535 values; send arrays with UNNEST")
        }
    }

    mutating func appendNull(of type: PostgresType) {
        slots.append(Slot(type: type, format: 1, offset: 0, length: -1))
    }

    /// Lends the values in the form of libpq's parameter arrays. The pointers are valid within `body` only.
    func withParameters<Result>(
        _ body: (
            _ values: UnsafePointer<UnsafePointer<CChar>?>?,
            _ lengths: UnsafePointer<Int32>?,
            _ formats: UnsafePointer<Int32>?
        ) -> Result
    ) -> Result {
        guard !slots.isEmpty else { return body(nil, nil, nil) }
        return buffer.bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: slots.count) { values in
                withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * slots.count) { numbers in
                    for (index, slot) in slots.enumerated() {
                        let pointer = slot.length < 0 ? nil : bytes.baseAddress?.advanced(by: slot.offset)
                        values.initializeElement(at: index, to: pointer?.assumingMemoryBound(to: CChar.self))
                        numbers.initializeElement(at: index, to: Int32(clamping: slot.length))
                        numbers.initializeElement(at: slots.count + index, to: slot.format)
                    }
                    guard let values = values.baseAddress, let numbers = numbers.baseAddress else {
                        return body(nil, nil, nil)
                    }
                    return body(values, numbers, numbers + slots.count)
                }
            }
        }
    }
}
