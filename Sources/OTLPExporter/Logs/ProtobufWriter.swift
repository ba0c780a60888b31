/// Writes a protobuf message from its end to its beginning.
///
/// Backwards, because the length of a message stands before it: when the contents are written first, their length is known
/// and nothing is moved or measured twice. Fields are therefore written last to first, and a sub-message is a ``mark``,
/// its fields, and ``endMessage(_:since:)``. The buffer is kept from message to message.
struct ProtobufWriter: ~Copyable {
    /// What of the buffer is kept at most.
    private static let retainedLimit = 8 << 20

    private var buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 8)
    /// How much of the buffer is used, at its end.
    private(set) var count = 0

    deinit {
        buffer.deallocate()
    }

    /// What was written.
    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: buffer[(buffer.count - count)...])
    }

    /// Forgets what was written.
    mutating func reset() {
        count = 0
        guard buffer.count > Self.retainedLimit else { return }
        buffer.deallocate()
        buffer = .allocate(byteCount: Self.retainedLimit, alignment: 8)
    }

    /// The place where a sub-message ends, which is where writing it begins.
    var mark: Int { count }

    /// Writes the length and the number of a sub-message whose fields have been written since a mark.
    mutating func endMessage(_ field: UInt8, since mark: Int) {
        varint(UInt64(count - mark))
        tag(field, 2)
    }

    /// Writes text, also when it is empty.
    mutating func string(_ field: UInt8, _ text: String) {
        var text = text
        let length = text.withUTF8 { bytes in
            prepend(UnsafeRawBufferPointer(bytes))
            return bytes.count
        }
        varint(UInt64(length))
        tag(field, 2)
    }

    mutating func data(_ field: UInt8, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { prepend($0) }
        varint(UInt64(bytes.count))
        tag(field, 2)
    }

    /// Writes numbers one after the other, big-endian: a trace or span identifier.
    mutating func identifier(_ field: UInt8, _ parts: UInt64...) {
        for part in parts.reversed() { fixed(part.bigEndian) }
        varint(UInt64(parts.count * 8))
        tag(field, 2)
    }

    mutating func varint(_ field: UInt8, _ value: UInt64) {
        varint(value)
        tag(field, 0)
    }

    mutating func fixed64(_ field: UInt8, _ value: UInt64) {
        fixed(value.littleEndian)
        tag(field, 1)
    }

    mutating func fixed32(_ field: UInt8, _ value: UInt32) {
        fixed(value.littleEndian)
        tag(field, 5)
    }

    /// Numbers up to 15 are all that OTLP's logs need: their tags are one byte.
    private mutating func tag(_ field: UInt8, _ wireType: UInt8) {
        fixed(field << 3 | wireType)
    }

    private mutating func varint(_ value: UInt64) {
        let length = max(1, (70 - value.leadingZeroBitCount) / 7)
        reserve(length)
        count += length
        let start = buffer.count - count
        for index in 0..<length {
            let more: UInt8 = index < length - 1 ? 0x80 : 0
            buffer[start + index] = UInt8(truncatingIfNeeded: value >> UInt64(7 * index)) & 0x7F | more
        }
    }

    private mutating func fixed(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value) { prepend($0) }
    }

    private mutating func prepend(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        count += bytes.count
        UnsafeMutableRawBufferPointer(
            rebasing: buffer[(buffer.count - count)...][..<(buffer.count - count + bytes.count)]
        )
        .copyMemory(from: bytes)
    }

    private mutating func reserve(_ length: Int) {
        guard buffer.count - count < length else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(buffer.count * 2, count + length),
            alignment: 8
        )
        UnsafeMutableRawBufferPointer(rebasing: larger[(larger.count - count)...]).copyMemory(from: bytes)
        buffer.deallocate()
        buffer = larger
    }
}
