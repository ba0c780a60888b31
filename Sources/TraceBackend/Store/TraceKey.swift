internal import FoundationEssentials

/// A trace id as two numbers: it hashes and compares faster than text and needs no memory of its own.
struct TraceKey: Hashable {
    let high: UInt64
    let low: UInt64

    /// Reads the 16 bytes of a trace id; `nil` for another length and for the invalid id of zeros.
    init?(_ bytes: Data) {
        guard bytes.count == 16 else { return nil }
        high = UInt64(bigEndian: bytes.prefix(8))
        low = UInt64(bigEndian: bytes.suffix(8))
        if high == 0, low == 0 { return nil }
    }

    /// Reads up to 32 hexadecimal digits.
    init?(hex: String) {
        guard let id = Hex.id(hex, digits: 32), let high = UInt64(id.prefix(16), radix: 16),
            let low = UInt64(id.suffix(16), radix: 16)
        else { return nil }
        self.high = high
        self.low = low
    }
}

extension UInt64 {
    init(bigEndian bytes: Data) {
        self = bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension OTLPSpan {
    /// The span id as a number; `nil` for another length than 8 bytes and for the invalid id of zeros.
    var key: UInt64? {
        guard spanID.count == 8 else { return nil }
        let number = UInt64(bigEndian: spanID)
        return number == 0 ? nil : number
    }

    /// Roughly how much memory the span needs, in bytes: the structure, and each text with its allocation.
    var estimatedBytes: Int {
        var bytes = 512 + name.utf8.count + traceState.utf8.count + status.message.utf8.count
        bytes += attributes.estimatedBytes
        for event in events { bytes += 128 + event.name.utf8.count + event.attributes.estimatedBytes }
        for link in links { bytes += 192 + link.traceState.utf8.count + link.attributes.estimatedBytes }
        return bytes
    }
}

extension [OTLPKeyValue] {
    var estimatedBytes: Int {
        reduce(0) { $0 + 96 + $1.key.utf8.count + $1.value.estimatedBytes }
    }
}

extension OTLPAnyValue {
    fileprivate var estimatedBytes: Int {
        switch value {
        case .stringValue(let text): 32 + text.utf8.count
        case .bytesValue(let bytes): 32 + bytes.count
        case .arrayValue(let list): list.values.reduce(64) { $0 + 64 + $1.estimatedBytes }
        case .kvlistValue(let list): 64 + list.values.estimatedBytes
        case .boolValue, .intValue, .doubleValue, nil: 16
        }
    }
}
