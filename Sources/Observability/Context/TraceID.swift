/// A trace's identifier: 16 bytes, big-endian, not all zero when valid.
///
/// Implements W3C Trace Context Level 2, "trace-id".
public struct TraceID: Hashable, Sendable, CustomStringConvertible {
    /// The first eight bytes.
    public let high: UInt64
    /// The last eight bytes; its low 56 bits are the trace's randomness.
    public let low: UInt64

    /// Creates an identifier from its two halves.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Creates an identifier from 32 lower-case hex digits.
    ///
    /// - Returns: `nil` for any other text and for the all-zero identifier.
    public init?(hex: some StringProtocol) {
        let digits = hex.utf8
        guard digits.count == 32 else { return nil }
        let middle = digits.index(digits.startIndex, offsetBy: 16)
        guard let high = UInt64(lowerHex: digits[..<middle]), let low = UInt64(lowerHex: digits[middle...]) else {
            return nil
        }
        self.init(high: high, low: low)
        guard isValid else { return nil }
    }

    /// Whether the identifier is not all zero.
    public var isValid: Bool { high != 0 || low != 0 }

    /// The identifier as 32 lower-case hex digits.
    public var hex: String { high.lowerHex + low.lowerHex }

    /// The identifier as 32 lower-case hex digits.
    public var description: String { hex }
}

/// A span's identifier: eight bytes, big-endian, not zero when valid.
///
/// Implements W3C Trace Context Level 2, "parent-id".
public struct SpanID: Hashable, Sendable, CustomStringConvertible {
    /// The eight bytes as one number.
    public let value: UInt64

    /// Creates an identifier from its number.
    public init(_ value: UInt64) {
        self.value = value
    }

    /// Creates an identifier from 16 lower-case hex digits.
    ///
    /// - Returns: `nil` for any other text and for zero.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 16, let value = UInt64(lowerHex: hex.utf8), value != 0 else { return nil }
        self.value = value
    }

    /// Whether the identifier is not zero.
    public var isValid: Bool { value != 0 }

    /// The identifier as 16 lower-case hex digits.
    public var hex: String { value.lowerHex }

    /// The identifier as 16 lower-case hex digits.
    public var description: String { hex }
}

extension UInt64 {
    /// Reads lower-case hex digits only, unlike `UInt64(_:radix:)`, which also takes upper case and signs.
    init?(lowerHex digits: some Sequence<UInt8>) {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        self = value
    }

    /// Sixteen lower-case hex digits.
    var lowerHex: String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            for index in 0..<16 {
                let nibble = UInt8(truncatingIfNeeded: self >> UInt64(60 - 4 * index)) & 0xF
                buffer[index] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
            }
            return 16
        }
    }
}
