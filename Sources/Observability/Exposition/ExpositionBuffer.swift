/// The bytes of an exposition while they are written.
///
/// Numbers and escapes are those of Prometheus text 0.0.4 and OpenMetrics 1.0, which agree on all that is here.
struct ExpositionBuffer {
    var bytes: [UInt8] = []

    mutating func append(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func append(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    mutating func append(_ other: [UInt8]) {
        bytes.append(contentsOf: other)
    }

    /// Writes a label's value: `\`, `"` and line feeds are escaped.
    mutating func appendLabelValue(_ value: String) {
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\""): append("\\\"")
            case UInt8(ascii: "\n"): append("\\n")
            default: bytes.append(byte)
            }
        }
    }

    /// Writes a whole number.
    mutating func append(_ value: UInt64) {
        if value < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(value))
            return
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var rest = value
            var start = 20
            while rest > 0 {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            bytes.append(contentsOf: digits[start...])
        }
    }

    /// Writes a sample's value with as few digits as bring the same number back.
    mutating func append(_ value: Double) {
        if value == value.rounded(.towardZero), value.magnitude < 0x1p53 {
            if value < 0 { append("-") }
            append(UInt64(value.magnitude))
        } else if value.isNaN {
            append("NaN")
        } else if value.isInfinite {
            append(value < 0 ? "-Inf" : "+Inf")
        } else {
            append(value.description)
        }
    }

    /// Writes a bucket's bound in OpenMetrics' canonical form, which is Go's `%g` with `.0` where it looks like an
    /// integer: `0.005`, `1.0`, `1e-05`, `1e+06`, `+Inf`.
    mutating func appendBound(_ bound: Double) {
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
            bytes.append(digits[0])
            if digits.count > 1 {
                append(".")
                bytes.append(contentsOf: digits[1...])
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
                bytes.append(position < digits.count ? digits[position] : UInt8(ascii: "0"))
            }
            append(".")
            if digits.count > exponent + 1 { bytes.append(contentsOf: digits[(exponent + 1)...]) } else { append("0") }
        }
    }
}
