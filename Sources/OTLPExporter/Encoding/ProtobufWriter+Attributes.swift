internal import Observability

/// `KeyValue`, `AnyValue`, `ArrayValue` and `KeyValueList` of OTLP 1.11, "common.proto".
extension ProtobufWriter {
    /// Values inside lists and maps inside of each other: deeper ones are left out, because receivers refuse deep messages.
    static let depthLimit = 16

    private enum AnyValueTag {
        static let string: UInt8 = 0x0A
        static let bool: UInt8 = 0x10
        static let int: UInt8 = 0x18
        static let double: UInt8 = 0x21
        static let array: UInt8 = 0x2A
        static let map: UInt8 = 0x32
        static let bytes: UInt8 = 0x3A
    }

    private static let keyTag: UInt8 = 0x0A
    private static let valueTag: UInt8 = 0x12
    private static let elementTag: UInt8 = 0x0A

    /// Writes attributes as fields of the message that they describe.
    @inline(__always)
    mutating func attributes(_ tag: UInt8, _ attributes: Attributes) {
        attributes.withElements { elements in
            elements.withBorrowed { elements, count in
                for index in 0..<count { attribute(tag, elements[index]) }
            }
        }
    }

    @inline(__always)
    private mutating func attribute(_ tag: UInt8, _ element: borrowing Borrowed<Attributes.Element>) {
        element.value.key.utf8.withContiguousStorageIfAvailable { key in
            switch element.value.value {
            case .string(let text):
                text.utf8.withContiguousStorageIfAvailable { text in
                    beginPair(tag, key, valueSize: 1 + Self.width(text.count) + text.count)
                    unchecked(AnyValueTag.string, text)
                }
            case .int(let number):
                let bits = UInt64(bitPattern: number)
                beginPair(tag, key, valueSize: 1 + Self.width(bits))
                put(AnyValueTag.int)
                put(varint: bits)
            case .bool(let bool):
                beginPair(tag, key, valueSize: 2)
                put(AnyValueTag.bool)
                put(bool ? 1 : 0)
            case .double(let number):
                beginPair(tag, key, valueSize: 9)
                put(AnyValueTag.double)
                put(littleEndian: number.bitPattern)
            case .bytes, .array, .map, .empty:
                nestedPair(tag, element.value)
            }
        }
    }

    /// Writes all of a pair but the value, whose size is known, so that nothing has to be moved; reserves memory for it.
    @inline(__always)
    private mutating func beginPair(_ tag: UInt8, _ key: UnsafeBufferPointer<UInt8>, valueSize: Int) {
        let size = 4 &+ key.count &+ valueSize
        reserve(2 * Self.maximumNumberField &+ size)
        // Attributes has no empty key, which would have to be left out.
        if size < 0x80 {
            put(
                littleEndian: UInt32(truncatingIfNeeded: tag) | UInt32(truncatingIfNeeded: size) << 8
                    | UInt32(truncatingIfNeeded: Self.keyTag) << 16 | UInt32(truncatingIfNeeded: key.count) << 24
            )
            put(key)
            put(littleEndian: UInt16(truncatingIfNeeded: Self.valueTag) | UInt16(truncatingIfNeeded: valueSize) << 8)
        } else {
            beginLongPair(tag, key, valueSize: valueSize)
        }
    }

    @inline(never)
    private mutating func beginLongPair(_ tag: UInt8, _ key: UnsafeBufferPointer<UInt8>, valueSize: Int) {
        let keySize = 1 + Self.width(key.count) + key.count
        let size = keySize + 1 + Self.width(valueSize) + valueSize
        put(tag)
        put(varint: UInt64(truncatingIfNeeded: size))
        unchecked(Self.keyTag, key)
        put(Self.valueTag)
        put(varint: UInt64(truncatingIfNeeded: valueSize))
    }

    @inline(__always)
    private mutating func unchecked(_ tag: UInt8, _ bytes: UnsafeBufferPointer<UInt8>) {
        put(tag)
        put(varint: UInt64(truncatingIfNeeded: bytes.count))
        put(bytes)
    }

    @inline(never)
    private mutating func nestedPair(_ tag: UInt8, _ element: Attributes.Element) {
        pair(tag, element, depth: 0)
    }

    private mutating func pair(_ tag: UInt8, _ element: Attributes.Element, depth: Int) {
        let message = begin(tag, lengthWidth: 1)
        field(Self.keyTag, nonEmpty: element.key)
        anyValue(Self.valueTag, element.value, depth: depth)
        end(message)
    }

    /// Writes any value. A member of the oneof is always written, also zero, false or empty, because that is what tells
    /// the types apart.
    private mutating func anyValue(_ tag: UInt8, _ value: AttributeValue, depth: Int) {
        let message = begin(tag, lengthWidth: 1)
        switch value {
        case .string(let text):
            text.utf8.withContiguousStorageIfAvailable { field(AnyValueTag.string, $0) }
        case .bytes(let bytes):
            bytes.withUnsafeBufferPointer { field(AnyValueTag.bytes, $0) }
        case .array(let elements):
            let list = begin(AnyValueTag.array, lengthWidth: 1)
            if depth < Self.depthLimit {
                for element in elements { anyValue(Self.elementTag, element, depth: depth + 1) }
            }
            end(list)
        case .map(let values):
            let list = begin(AnyValueTag.map, lengthWidth: 1)
            if depth < Self.depthLimit {
                for element in values { pair(Self.elementTag, element, depth: depth + 1) }
            }
            end(list)
        // The message without a member is what says that there is no value.
        case .empty: break
        case .int(let number):
            reserve(Self.maximumNumberField)
            put(AnyValueTag.int)
            put(varint: UInt64(bitPattern: number))
        case .bool(let bool):
            reserve(Self.maximumNumberField)
            put(AnyValueTag.bool)
            put(bool ? 1 : 0)
        case .double(let number):
            reserve(Self.maximumNumberField)
            put(AnyValueTag.double)
            put(littleEndian: number.bitPattern)
        }
        end(message)
    }
}
