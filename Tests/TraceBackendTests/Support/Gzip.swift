/// Gzip bodies for tests, made without a compressor.
enum Gzip {
    /// ``OTLPRequests/golden`` as Python's gzip module compresses it.
    static let golden = OTLPRequests.bytes(
        """
        1f8b0800000000000203e3facbc825c525c1c5539c5a5496999caa9797989b2ac4c1c5965f94925a542c748f918b938b25bd
        a8205988d1506839239780f74f7dd3f2cdbecb169f9b34978fcfdd4c8883e143fa2aee954cdb9538844cc22a2600092df67c
        bd607df7d41203264b06062db37f73a68b3b3a789781195e925cfc40f3f48a2b8b4b52732116b241ecf012e6e2063924b548
        af20bfa8448845a2b99dd98b9d8b314988498001c4481562e2628812e07470b2041b26c45a945a525459c521c492949f9f2b
        c1d4cac8ccccc020a59e515252506ca5af9f5f909a57929a939a0b52a69799af5f9c9c919a9b58ac6fa86762a2670000a29a
        e1bb00010000
        """
    )

    /// A body of a few kilobytes per megabyte of zeros that it unpacks to; the end is cut off.
    ///
    /// DEFLATE with fixed codes (RFC 1951 §3.2.6): one literal zero, then copies of 258 bytes from one byte before,
    /// each 13 bits long: the length code 285 (`11000101`) and the distance code 0 (`00000`).
    static func bomb(bytes: Int) -> [UInt8] {
        var bits = Bits()
        bits.append([1, 1, 0])
        bits.append([0, 0, 1, 1, 0, 0, 0, 0])
        for _ in 0...(bytes / 258) { bits.append([1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]) }
        return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff] + bits.bytes
    }

    private struct Bits {
        var bytes: [UInt8] = []
        private var count = 0

        mutating func append(_ bits: [UInt8]) {
            for bit in bits {
                if count % 8 == 0 { bytes.append(0) }
                bytes[bytes.count - 1] |= bit << (count % 8)
                count += 1
            }
        }
    }
}
