/// A number of type `numeric`, read from its binary form (`numeric_send` of the server): digits to the base 10 000.
struct PostgresNumeric: CustomStringConvertible {
    let description: String

    init(_ bytes: RawSpan) throws(PostgresDecodingFailure) {
        let malformed = PostgresDecodingFailure("the numeric value is malformed")
        guard bytes.byteCount >= 8 else { throw malformed }
        let count: Int16 = bytes.integer(at: 0)
        let weight: Int16 = bytes.integer(at: 2)
        let sign: UInt16 = bytes.integer(at: 4)
        let scale: Int16 = bytes.integer(at: 6)
        guard count >= 0, scale >= 0, bytes.byteCount == 8 + 2 * Int(count) else { throw malformed }
        switch sign {
        case 0x0000, 0x4000: break
        case 0xC000:
            description = "NaN"
            return
        case 0xD000:
            description = "Infinity"
            return
        case 0xF000:
            description = "-Infinity"
            return
        default: throw malformed
        }

        /// The four decimal digits at a power of 10 000.
        func digits(at power: Int) -> Substring {
            let index = Int(weight) - power
            guard index >= 0, index < Int(count) else { return "0000" }
            let group: Int16 = bytes.integer(at: 8 + 2 * index)
            return String(10_000 + Int(group)).dropFirst()
        }

        var text = sign == 0x4000 ? "-" : ""
        if weight < 0 {
            text += "0"
        } else {
            let whole = stride(from: Int(weight), through: 0, by: -1).map { digits(at: $0) }.joined()
            let significant = whole.drop { $0 == "0" }
            text += significant.isEmpty ? "0" : significant
        }
        if scale > 0 {
            let groups = (Int(scale) + 3) / 4
            text += "." + (1...groups).map { digits(at: -$0) }.joined().prefix(Int(scale))
        }
        description = text
    }
}
