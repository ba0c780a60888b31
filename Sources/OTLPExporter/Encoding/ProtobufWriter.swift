#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// Writes protobuf's wire format into memory that grows and is used again.
///
/// A message's length stands before its bytes and is known after them: ``begin(_:lengthWidth:)`` leaves room for a
/// length of the usual size and moves the bytes when it was the wrong one. Implements the "Protocol Buffers encoding"
/// with the shortest form of every number.
///
/// A struct of pointers, so that an encoder can work on a copy in registers; the encoder frees the memory.
struct ProtobufWriter {
    /// What is kept between requests at most; a larger one gives its memory back.
    private static let retainedLimit = 8 << 20
    private static let firstCapacity = 64 << 10
    /// Room before the first byte for the tag and the length of the outermost message.
    private static let headRoom = 16
    /// Room behind the last byte for what is written before it is known how much of it counts.
    private static let tailRoom = 16

    private var start: UnsafeMutableRawPointer
    private var cursor: UnsafeMutableRawPointer
    private var end: UnsafeMutableRawPointer

    init() {
        start = .allocate(byteCount: Self.firstCapacity, alignment: 16)
        cursor = start + Self.headRoom
        end = start + Self.firstCapacity - Self.tailRoom
    }

    func deallocate() {
        start.deallocate()
    }

    /// How many bytes the memory has room for.
    var capacity: Int { end - start }

    /// Forgets what was written.
    mutating func reset() {
        if capacity > Self.retainedLimit {
            start.deallocate()
            self = ProtobufWriter()
        }
        cursor = start + Self.headRoom
    }

    /// How many bytes were written.
    var count: Int { cursor - start - Self.headRoom }

    /// The bytes as a message of their own behind a tag, valid until the next change.
    func wrapped(in tag: UInt8) -> UnsafeRawBufferPointer {
        let width = Self.width(count)
        let head = start + Self.headRoom - 1 - width
        head.storeBytes(of: tag, as: UInt8.self)
        Self.storeLength(count, width: width, at: head + 1)
        return UnsafeRawBufferPointer(start: head, count: 1 + width + count)
    }

    // MARK: Memory

    /// Makes sure that so many bytes can be written without looking.
    @inline(__always)
    mutating func reserve(_ count: Int) {
        if end - cursor < count { grow(count) }
    }

    @inline(never)
    private mutating func grow(_ count: Int) {
        let used = cursor - start
        let capacity = max((end - start) * 2, used + count) + Self.tailRoom
        let memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        memory.copyMemory(from: start, byteCount: used)
        start.deallocate()
        start = memory
        cursor = memory + used
        end = memory + capacity - Self.tailRoom
    }

    // MARK: Into reserved memory

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        cursor.storeBytes(of: byte, as: UInt8.self)
        cursor += 1
    }

    @inline(__always)
    mutating func put<Number: FixedWidthInteger>(littleEndian number: Number) {
        cursor.storeBytes(of: number.littleEndian, as: Number.self)
        cursor += MemoryLayout<Number>.size
    }

    @inline(__always)
    mutating func put<Number: FixedWidthInteger>(bigEndian number: Number) {
        cursor.storeBytes(of: number.bigEndian, as: Number.self)
        cursor += MemoryLayout<Number>.size
    }

    @inline(__always)
    mutating func put(varint number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    /// Most texts are short, and a call of `memcpy` costs more than to copy them.
    @inline(__always)
    mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        let count = bytes.count
        guard let source = UnsafeRawPointer(bytes.baseAddress) else { return }
        if count > 32 {
            memcpy(cursor, source, count)
        } else if count >= 16 {
            // Two moves that may overlap fit any length between one and both.
            copy(SIMD16<UInt8>.self, source, at: 0)
            copy(SIMD16<UInt8>.self, source, at: count - 16)
        } else {
            // The bits of the length, the highest first. A text of less than 16 bytes is in the string itself and was
            // just stored as two words, where a move across both would wait for them.
            var offset = 0
            if count & 8 != 0 {
                copy(UInt64.self, source, at: 0)
                offset = 8
            }
            if count & 4 != 0 {
                copy(UInt32.self, source, at: offset)
                offset += 4
            }
            if count & 2 != 0 {
                copy(UInt16.self, source, at: offset)
                offset += 2
            }
            if count & 1 != 0 { copy(UInt8.self, source, at: offset) }
        }
        cursor += count
    }

    @inline(__always)
    private func copy<Unit: BitwiseCopyable>(_ unit: Unit.Type, _ source: UnsafeRawPointer, at offset: Int) {
        let part = source.loadUnaligned(fromByteOffset: offset, as: Unit.self)
        cursor.storeBytes(of: part, toByteOffset: offset, as: Unit.self)
    }

    // MARK: Messages

    /// A message whose end has not been written.
    struct OpenMessage {
        /// From the start of the memory, because the memory may move meanwhile.
        fileprivate let offset: Int
        fileprivate let lengthWidth: Int
    }

    /// Starts a message.
    ///
    /// - Parameters:
    ///   - tag: The field's tag, of one byte.
    ///   - lengthWidth: How many bytes the length most likely takes.
    /// - Returns: What ``end(_:)`` needs.
    @inline(__always)
    mutating func begin(_ tag: UInt8, lengthWidth: Int) -> OpenMessage {
        reserve(1 + lengthWidth)
        put(tag)
        cursor += lengthWidth
        return OpenMessage(offset: cursor - start, lengthWidth: lengthWidth)
    }

    /// Ends the message that was started last, and writes its length.
    @inline(__always)
    mutating func end(_ message: OpenMessage) {
        let size = cursor - start - message.offset
        let width = Self.width(size)
        if width != message.lengthWidth { moveBody(of: message, size: size, by: width - message.lengthWidth) }
        Self.storeLength(size, width: width, at: start + message.offset - message.lengthWidth)
    }

    @inline(never)
    private mutating func moveBody(of message: OpenMessage, size: Int, by distance: Int) {
        reserve(max(distance, 0))
        let body = start + message.offset
        memmove(body + distance, body, size)
        cursor += distance
    }

    /// How many bytes a number takes, from 1 to 10.
    @inline(__always)
    static func width(_ number: UInt64) -> Int {
        // ⌈bits / 7⌉, with one bit at least.
        (70 - (number | 1).leadingZeroBitCount) / 7
    }

    @inline(__always)
    static func width(_ count: Int) -> Int {
        count < 0x80 ? 1 : width(UInt64(truncatingIfNeeded: count))
    }

    @inline(__always)
    private static func storeLength(_ length: Int, width: Int, at place: UnsafeMutableRawPointer) {
        var rest = length
        for index in 0..<(width - 1) {
            place.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: index, as: UInt8.self)
            rest >>= 7
        }
        place.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: width - 1, as: UInt8.self)
    }
}

/// The longest form of a tag, a number, or both.
extension ProtobufWriter {
    static let maximumVarint = 10
    static let maximumNumberField = 12

    /// Writes a number; zero is left out, as proto3 does.
    @inline(__always)
    mutating func field(_ tag: UInt8, nonZero number: UInt64) {
        guard number != 0 else { return }
        reserve(Self.maximumNumberField)
        put(tag)
        put(varint: number)
    }

    /// Writes text; an empty one is left out, as proto3 does.
    @inline(__always)
    mutating func field(_ tag: UInt8, nonEmpty text: String) {
        text.utf8.withContiguousStorageIfAvailable { bytes in
            if !bytes.isEmpty { field(tag, bytes) }
        }
    }

    /// Writes bytes, also none.
    @inline(__always)
    mutating func field(_ tag: UInt8, _ bytes: UnsafeBufferPointer<UInt8>) {
        reserve(Self.maximumNumberField + bytes.count)
        put(tag)
        put(varint: UInt64(truncatingIfNeeded: bytes.count))
        put(bytes)
    }
}
