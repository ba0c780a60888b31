/// Hashes label values by their bytes.
///
/// `Hasher` takes several times as long for a handful of short strings. The seed is different in every process, so
/// that nobody outside knows which values collide; a family's series limit bounds what collisions could cost.
struct LabelHash {
    private static let factor: UInt64 = 0x9E37_79B9_7F4A_7C15

    private(set) var value: UInt64

    @inline(__always)
    init(seed: UInt64) {
        value = seed
    }

    @inline(__always)
    mutating func add(_ text: String) {
        let isContiguous: Void? = text.utf8.withContiguousStorageIfAvailable { bytes in
            add(UnsafeRawBufferPointer(bytes))
        }
        if isContiguous == nil { addSlowly(text) }
    }

    @inline(never)
    private mutating func addSlowly(_ text: String) {
        Array(text.utf8).withUnsafeBytes { add($0) }
    }

    @inline(__always)
    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        // The length too, so that ("a", "bc") and ("ab", "c") differ.
        var state = value ^ UInt64(truncatingIfNeeded: bytes.count) &* 0xD6E8_FEB8_6659_FD93
        var rest = bytes
        while rest.count >= 8 {
            state = Self.mix(state ^ rest.loadUnaligned(as: UInt64.self))
            rest = UnsafeRawBufferPointer(rebasing: rest[8...])
        }
        if !rest.isEmpty {
            var tail: UInt64 = 0
            if rest.count >= 4 {
                tail = UInt64(rest.loadUnaligned(as: UInt32.self)) << 32
                tail |= UInt64(rest.loadUnaligned(fromByteOffset: rest.count - 4, as: UInt32.self))
            } else {
                tail = UInt64(rest[0]) << 16 | UInt64(rest[rest.count / 2]) << 8 | UInt64(rest[rest.count - 1])
            }
            state = Self.mix(state ^ tail)
        }
        value = Self.mix(state)
    }

    @inline(__always)
    private static func mix(_ word: UInt64) -> UInt64 {
        let product = (word ^ 0x2D35_8DCC_AA6C_78A5).multipliedFullWidth(by: factor)
        return product.high ^ product.low
    }
}
