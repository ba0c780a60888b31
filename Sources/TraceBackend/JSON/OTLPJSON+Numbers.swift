extension OTLPJSON {
    /// An unsigned 64-bit number: written as a text, read from a text or a number.
    struct UInt64Text: Codable {
        var value: UInt64

        init(_ value: UInt64) { self.value = value }

        init(from decoder: any Decoder) throws {
            value = try decoder.singleValueContainer().decodeInteger(UInt64.self)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(String(value))
        }
    }

    /// A signed 64-bit number: written as a text, read from a text or a number.
    struct Int64Text: Codable {
        var value: Int64

        init(_ value: Int64) { self.value = value }

        init(from decoder: any Decoder) throws {
            value = try decoder.singleValueContainer().decodeInteger(Int64.self)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(String(value))
        }
    }

    /// A floating-point number, with the texts of protobuf's JSON for what JSON has no number for.
    struct DoubleNumber: Codable {
        var value: Double

        init(_ value: Double) { self.value = value }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            guard let text = try? container.decode(String.self) else {
                value = try container.decode(Double.self)
                return
            }
            // Swift reads "Infinity", "-Infinity" and "NaN" as protobuf's JSON writes them.
            guard let number = Double(text) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a number")
            }
            value = number
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch value {
            case .infinity: try container.encode("Infinity")
            case -.infinity: try container.encode("-Infinity")
            case let number where number.isNaN: try container.encode("NaN")
            default: try container.encode(value)
            }
        }
    }

    /// A value of an enumeration: written as a number, read from a number or a name (`SPAN_KIND_SERVER`, `server`).
    struct EnumNumber: Codable {
        var value: Int

        private static let names: [String: Int] = [
            "SPAN_KIND_UNSPECIFIED": 0, "SPAN_KIND_INTERNAL": 1, "SPAN_KIND_SERVER": 2, "SPAN_KIND_CLIENT": 3,
            "SPAN_KIND_PRODUCER": 4, "SPAN_KIND_CONSUMER": 5,
            "UNSPECIFIED": 0, "INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5,
            "STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2, "UNSET": 0, "OK": 1, "ERROR": 2,
        ]

        init(_ value: Int) { self.value = value }

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                // A name of a later version is not an error; it reads as the enumeration's zero.
                value = Int(text) ?? Self.names[text.uppercased()] ?? 0
            } else {
                value = try container.decode(Int.self)
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(value)
        }
    }
}

extension SingleValueDecodingContainer {
    fileprivate func decodeInteger<Integer: FixedWidthInteger & Decodable>(_: Integer.Type) throws -> Integer {
        guard let text = try? decode(String.self) else { return try decode(Integer.self) }
        guard let number = Integer(text) else {
            throw DecodingError.dataCorruptedError(in: self, debugDescription: "not a whole number")
        }
        return number
    }
}
