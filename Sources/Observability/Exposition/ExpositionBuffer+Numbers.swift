// Numbers and escapes as both formats have them.
extension ExpositionBuffer {
    /// All numbers of two digits.
    private static let pairs: StaticString = """
        0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
        5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """

    /// Writes a whole number.
    @inline(__always)
    func append(_ value: UInt64) {
        if value < 10 {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value))
        } else {
            appendDigits(value, count: value.decimalDigits)
        }
    }

    /// Writes a number with as many digits as it has or more, zeros in front.
    func appendDigits(_ value: UInt64, count digits: Int) {
        let start = reserve(digits)
        let pairs = Self.pairs.utf8Start
        var rest = value
        var position = digits
        while position >= 2 {
            let pair = Int(truncatingIfNeeded: rest % 100) * 2
            rest /= 100
            position -= 2
            start[position] = pairs[pair]
            start[position + 1] = pairs[pair + 1]
        }
        if position == 1 { start[0] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10) }
        advance(digits)
    }

    /// Writes a sample's value with as few digits as bring the same number back.
    func append(_ value: Double) {
        if value == value.rounded(.towardZero), value.magnitude < 0x1p53 {
            if value < 0 { append("-") }
            append(UInt64(value.magnitude))
        } else if value.isNaN {
            append("NaN")
        } else if value.isInfinite {
            append(value < 0 ? "-Inf" : "+Inf")
        } else if !appendShortDecimal(value) {
            var sink = Sink(buffer: self)
            value.write(to: &sink)
        }
    }

    /// Writes what has at most nine decimals and not too many digits, as sums of seconds mostly do.
    private func appendShortDecimal(_ value: Double) -> Bool {
        let magnitude = value.magnitude
        guard magnitude >= 1e-3, magnitude < 1e6 else { return false }
        let scaled = (magnitude * 1e9).rounded()
        // Both sides are whole numbers that a Double holds exactly, so that the quotient is what a reader gets; and
        // with 15 digits no other text of as few gives the same.
        guard scaled / 1e9 == magnitude else { return false }
        if value < 0 { append("-") }
        let (whole, fraction) = UInt64(scaled).quotientAndRemainder(dividingBy: 1_000_000_000)
        append(whole)
        append(UInt8(ascii: "."))
        appendDigits(fraction, count: 9)
        while contents[count - 1] == UInt8(ascii: "0") { advance(-1) }
        return true
    }

    /// Writes a label's value: `\`, `"` and line feeds are escaped.
    func appendLabelValue(_ value: String) {
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\n"): append("\\n")
            default: append(byte)
            }
        }
    }

    /// Writes a time in nanoseconds as seconds with three decimals.
    func appendSeconds(nanoseconds: UInt64) {
        append(nanoseconds / 1_000_000_000)
        append(UInt8(ascii: "."))
        appendDigits(nanoseconds / 1_000_000 % 1000, count: 3)
    }

    /// Writes 16 lower-case hex digits.
    func appendHex(_ value: UInt64) {
        let start = reserve(16)
        for index in 0..<16 {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * index)) & 0xF
            start[index] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
        }
        advance(16)
    }

    /// Writes a bucket's bound in OpenMetrics' canonical form, which is Go's `%g` with `.0` where it looks like an
    /// integer: `0.005`, `1.0`, `1e-05`, `1e+06`, `+Inf`.
    func appendBound(_ bound: Double) {
        guard bound.isFinite else { return append(bound) }
        // Swift writes the same shortest digits, but changes to an exponent elsewhere.
        let text = bound.magnitude.description
        let parts = text.split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let fraction = mantissa.count > 1 && mantissa[1] != "0" ? mantissa[1] : ""
        let written = mantissa[0] + fraction
        let leadingZeros = written.prefix { $0 == "0" }.count
        var digits = Array(written.utf8.dropFirst(leadingZeros))
        // The position of the decimal point, counted from the first digit that is not zero.
        let exponent = mantissa[0].count - leadingZeros + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) - 1
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }

        if bound < 0 { append("-") }
        if digits.isEmpty {
            append("0.0")
        } else if exponent < -4 || exponent >= 6 {
            append(digits[0])
            if digits.count > 1 {
                append(".")
                append(Array(digits[1...]))
            }
            append(exponent < 0 ? "e-" : "e+")
            if exponent.magnitude < 10 { append("0") }
            append(UInt64(exponent.magnitude))
        } else if exponent < 0 {
            append("0.")
            for _ in 0..<(-exponent - 1) { append("0") }
            append(digits)
        } else {
            for position in 0...exponent {
                append(position < digits.count ? digits[position] : UInt8(ascii: "0"))
            }
            append(".")
            if digits.count > exponent + 1 { append(Array(digits[(exponent + 1)...])) } else { append("0") }
        }
    }
}

/// Takes the digits of a `Double` as bytes. The standard library writes numbers by `_writeASCII`, whose default makes a
/// string of them first, which long ones need memory for. Should it cease to, `write` is called and all is well too.
private struct Sink: TextOutputStream {
    let buffer: ExpositionBuffer

    mutating func write(_ string: String) { buffer.append(string) }

    mutating func _writeASCII(_ bytes: UnsafeBufferPointer<UInt8>) { buffer.append(UnsafeRawBufferPointer(bytes)) }
}

extension UInt64 {
    /// How many decimal digits the number has.
    fileprivate var decimalDigits: Int {
        var digits = 1
        var rest = self
        while rest >= 10_000 {
            rest /= 10_000
            digits += 4
        }
        return digits + (rest >= 1000 ? 3 : rest >= 100 ? 2 : rest >= 10 ? 1 : 0)
    }
}
