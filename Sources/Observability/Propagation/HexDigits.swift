/// Lower-case hex digits eight at a time, in the bytes of one register: no table, no branch for each digit.
enum HexDigits {
    /// Writes the 16 digits of a number.
    ///
    /// - Parameters:
    ///   - value: The number.
    ///   - address: Where 16 bytes are free.
    @inline(__always)
    static func write(_ value: UInt64, to address: UnsafeMutableRawPointer) {
        let high = digits(of: UInt32(truncatingIfNeeded: value >> 32))
        let low = digits(of: UInt32(truncatingIfNeeded: value))
        address.storeBytes(of: high.littleEndian, as: UInt64.self)
        address.storeBytes(of: low.littleEndian, toByteOffset: 8, as: UInt64.self)
    }

    /// Reads 16 lower-case digits.
    ///
    /// - Parameters:
    ///   - address: Where 16 bytes are readable.
    ///   - isValid: Becomes false when one of them is anything else; the number is of no use then. A flag rather than an
    ///     optional, so that a reader of several numbers asks once.
    @inline(__always)
    static func read(_ address: UnsafeRawPointer, _ isValid: inout Bool) -> UInt64 {
        let high = number(UInt64(littleEndian: address.loadUnaligned(as: UInt64.self)), &isValid)
        let low = number(UInt64(littleEndian: address.loadUnaligned(fromByteOffset: 8, as: UInt64.self)), &isValid)
        return UInt64(high) << 32 | UInt64(low)
    }

    /// One digit's value.
    @inline(__always)
    static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit & 0xF
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// Eight digits as text, the first in the lowest byte.
    @inline(__always)
    private static func digits(of value: UInt32) -> UInt64 {
        // One byte to each 16 bits, the first byte of the text lowest.
        var spread = UInt64(value.byteSwapped)
        spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        let nibbles = (spread >> 4 & 0x000F_000F_000F_000F) | (spread & 0x000F_000F_000F_000F) << 8
        // 1 in each byte above 9, which are the letters: they are 0x27 further on in ASCII.
        let letters = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }

    /// The number that eight digits stand for, the first in the lowest byte.
    @inline(__always)
    private static func number(_ text: UInt64, _ isValid: inout Bool) -> UInt32 {
        let topBits: UInt64 = 0x8080_8080_8080_8080
        // Of bytes below 0x80 the sum's top bit says "at least", without a carry into the next; others are refused.
        let ascii = text & ~topBits
        let isFrom0 = ascii &+ 0x5050_5050_5050_5050
        let isAbove9 = ascii &+ 0x4646_4646_4646_4646
        let isFromA = ascii &+ 0x1F1F_1F1F_1F1F_1F1F
        let isAboveF = ascii &+ 0x1919_1919_1919_1919
        let letters = isFromA & ~isAboveF & topBits
        let digits = isFrom0 & ~isAbove9 & topBits
        isValid = isValid && (digits | letters) & ~text == topBits
        var packed = (ascii & 0x0F0F_0F0F_0F0F_0F0F) &+ (letters >> 7) &* 9
        packed = (packed << 4 | packed >> 8) & 0x00FF_00FF_00FF_00FF
        packed = (packed | packed >> 8) & 0x0000_FFFF_0000_FFFF
        packed = packed | packed >> 16
        return UInt32(truncatingIfNeeded: packed).byteSwapped
    }
}
