/// The contents of a `traceparent` header, read from bytes and written to bytes without allocating.
///
/// Implements W3C Trace Context Level 2, "traceparent". It is what the text API of ``W3CPropagator`` works with; carriers
/// that own bytes use it directly.
public struct TraceParent: Hashable, Sendable {
    /// The bytes of a header of version 00, the only one that is written.
    public static let byteCount = 55

    /// The trace.
    public var traceID: TraceID
    /// The sender's span.
    public var spanID: SpanID
    /// The flags; unknown bits are neither read nor written.
    public var flags: TraceFlags

    /// Creates the contents from their parts.
    public init(traceID: TraceID, spanID: SpanID, flags: TraceFlags) {
        self.traceID = traceID
        self.spanID = spanID
        self.flags = flags
    }

    /// Creates the contents that announce a span.
    public init(_ context: SpanContext) {
        self.init(traceID: context.traceID, spanID: context.spanID, flags: context.flags)
    }

    /// Reads `vv-<32 hex>-<16 hex>-<2 hex>`, with optional white space around it.
    ///
    /// Version 00 ends there; a later one may have more behind another dash, which is ignored. A comma is the seam of two
    /// headers that somebody joined, and two are none.
    ///
    /// - Parameter bytes: The header's value.
    /// - Returns: `nil` for anything else: upper case, version `ff`, identifiers of zeros, a wrong length.
    public init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard var start = UnsafeRawPointer(bytes.baseAddress), bytes.count >= Self.byteCount else { return nil }
        var end = start + bytes.count
        while start < end, Self.isOWS(start.load(as: UInt8.self)) { start += 1 }
        while start < end, Self.isOWS((end - 1).load(as: UInt8.self)) { end -= 1 }
        guard end - start >= Self.byteCount else { return nil }
        let text = UnsafeRawBufferPointer(start: start, count: end - start)
        let dash = UInt8(ascii: "-")
        guard text[2] == dash, text[35] == dash, text[52] == dash,
            let version = Self.byte(text[0], text[1]), version != 0xFF, let flags = Self.byte(text[53], text[54])
        else { return nil }
        if text.count > Self.byteCount {
            guard version != 0, text[Self.byteCount] == dash, !text.contains(UInt8(ascii: ",")) else { return nil }
        }
        var isValid = true
        let traceID = TraceID(
            high: HexDigits.read(start + 3, &isValid),
            low: HexDigits.read(start + 19, &isValid)
        )
        let spanID = SpanID(HexDigits.read(start + 36, &isValid))
        guard isValid, traceID.isValid, spanID.isValid else { return nil }
        self.init(traceID: traceID, spanID: spanID, flags: TraceFlags(rawValue: flags).intersection(.known))
    }

    /// Reads the text of a header, by the rules of ``init(_:)-(UnsafeBufferPointer<UInt8>)``.
    public init?(_ text: String) {
        var text = text
        guard let parent = text.withUTF8({ TraceParent($0) }) else { return nil }
        self = parent
    }

    /// Writes the header's value, of version 00.
    ///
    /// - Parameter buffer: Where at least ``byteCount`` bytes are free.
    /// - Returns: The number of bytes written: ``byteCount``, or 0 when they do not fit.
    @discardableResult
    public func write(into buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        guard buffer.count >= Self.byteCount, let start = UnsafeMutableRawPointer(buffer.baseAddress) else { return 0 }
        let dash = UInt8(ascii: "-")
        buffer[0] = UInt8(ascii: "0")
        buffer[1] = UInt8(ascii: "0")
        buffer[2] = dash
        HexDigits.write(traceID.high, to: start + 3)
        HexDigits.write(traceID.low, to: start + 19)
        buffer[35] = dash
        HexDigits.write(spanID.value, to: start + 36)
        buffer[52] = dash
        buffer[53] = UInt8(ascii: "0")
        buffer[54] = UInt8(ascii: "0") + flags.intersection(.known).rawValue
        return Self.byteCount
    }

    private static func isOWS(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    private static func byte(_ high: UInt8, _ low: UInt8) -> UInt8? {
        guard let high = HexDigits.nibble(high), let low = HexDigits.nibble(low) else { return nil }
        return high << 4 | low
    }
}

extension TraceParent: CustomStringConvertible {
    /// The header's value, of version 00.
    public var description: String {
        String(unsafeUninitializedCapacity: Self.byteCount) { write(into: $0) }
    }
}
