import Observability
import TestKit
import Testing

/// The cases of the conformance suite of W3C Trace Context Level 2.
@Suite("traceparent")
struct TraceParentTests {
    private static let trace = "12345678901234567890123456789012"
    private static let span = "1234567890123456"
    private static let valid = "00-\(trace)-\(span)-01"

    private func parse(_ lines: String...) -> SpanContext? {
        W3CPropagator.spanContext(traceParents: lines)
    }

    @Test("a valid header is read and sent again with the same text")
    func roundTrip() throws {
        let context = try #require(parse(Self.valid))
        #expect(context.traceID.hex == Self.trace)
        #expect(context.spanID.hex == Self.span)
        #expect(context.isSampled)
        #expect(context.isRemote)
        #expect(context.isValid)
        #expect(W3CPropagator.traceParent(of: context) == Self.valid)
    }

    @Test(
        "a later version is read by the rules of version 00",
        arguments: [
            "cc-\(trace)-\(span)-01", "cc-\(trace)-\(span)-01-what-the-future-will-be-like", "cc-\(trace)-\(span)-01-",
            "01-\(trace)-\(span)-01", "fe-\(trace)-\(span)-01-x",
        ]
    )
    func laterVersion(header: String) throws {
        let context = try #require(parse(header))
        #expect(W3CPropagator.traceParent(of: context) == Self.valid)
    }

    @Test(
        "a malformed header is as if it were absent",
        arguments: [
            // Version.
            "ff-\(trace)-\(span)-01", "ff-\(trace)-\(span)-01-x", "cc-\(trace)-\(span)-01.what",
            "0-\(trace)-\(span)-01",
            "000-\(trace)-\(span)-01", ".0-\(trace)-\(span)-01", "0.-\(trace)-\(span)-01", "-\(trace)-\(span)-01",
            "FE-\(trace)-\(span)-01", "+0-\(trace)-\(span)-01",
            // Trailing bytes of version 00.
            "\(valid)-", "\(valid).", "\(valid)-x", "\(valid)-what-the-future-will-not-be-like", "\(valid)0",
            // Trace id.
            "00-00000000000000000000000000000000-\(span)-01", "00-1234567890123456789012345678901-\(span)-01",
            "00-123456789012345678901234567890123-\(span)-01", "00-.2345678901234567890123456789012-\(span)-01",
            "00-1234567890123456789012345678901.-\(span)-01", "00-1234567890123456789012345678901A-\(span)-01",
            "00--\(span)-01", "00-+2345678901234567890123456789012-\(span)-01",
            // Parent id.
            "00-\(trace)-0000000000000000-01", "00-\(trace)-123456789012345-01", "00-\(trace)-12345678901234567-01",
            "00-\(trace)-.234567890123456-01", "00-\(trace)-123456789012345.-01", "00-\(trace)-123456789012345F-01",
            "00-\(trace)--01",
            // Flags.
            "00-\(trace)-\(span)-001", "00-\(trace)-\(span)-1", "00-\(trace)-\(span)-", "00-\(trace)-\(span)",
            "00-\(trace)-\(span)-.0", "00-\(trace)-\(span)-0.", "00-\(trace)-\(span)-0A", "00-\(trace)-\(span)-0é",
            // Separators and everything else.
            "00_\(trace)-\(span)-01", "00-\(trace)_\(span)-01", "00-\(trace)-\(span)_01", "", " ", "-", "---", "é",
            "00-\(trace)-\(span)-01,00-\(trace)-\(span)-01", "00 -\(trace)-\(span)-01", "\u{B}\(valid)",
        ]
    )
    func malformed(header: String) {
        #expect(parse(header) == nil)
    }

    @Test("white space around the value is no part of it", arguments: [" ", "\t", " \t "])
    func optionalWhiteSpace(space: String) {
        #expect(parse(space + Self.valid)?.traceID.hex == Self.trace)
        #expect(parse(Self.valid + space)?.traceID.hex == Self.trace)
        #expect(parse(space + Self.valid + space)?.traceID.hex == Self.trace)
    }

    @Test("several headers are invalid, also equal ones")
    func several() {
        #expect(parse(Self.valid, Self.valid) == nil)
        #expect(parse(Self.valid, "00-\(Self.trace)-2234567890123456-01") == nil)
        #expect(parse() == nil)
    }

    @Test(
        "only the known flags are kept, each bit by itself",
        arguments: [
            ("00", "00"), ("01", "01"), ("02", "02"), ("03", "03"), ("04", "00"), ("09", "01"), ("f0", "00"),
            ("ff", "03"),
        ]
    )
    func flags(received: String, sent: String) throws {
        let context = try #require(parse("00-\(Self.trace)-\(Self.span)-\(received)"))
        #expect(context.isSampled == (sent == "01" || sent == "03"))
        #expect(context.flags.contains(.random) == (sent == "02" || sent == "03"))
        #expect(W3CPropagator.traceParent(of: context) == "00-\(Self.trace)-\(Self.span)-\(sent)")
    }

    @Test("unknown flags of a context made in code are not sent")
    func unknownFlagsOfCode() throws {
        let parsed = try #require(parse(Self.valid))
        let context = SpanContext(traceID: parsed.traceID, spanID: parsed.spanID, flags: TraceFlags(rawValue: 0xFF))
        #expect(W3CPropagator.traceParent(of: context).hasSuffix("-03"))
    }

    @Test("identifiers are read from lower-case hex digits of the right length only")
    func identifiers() {
        #expect(TraceID(hex: Self.trace)?.hex == Self.trace)
        #expect(SpanID(hex: Self.span)?.description == Self.span)
        #expect(TraceID(hex: "0000000000000000000000000000000a")?.hex == "0000000000000000000000000000000a")
        #expect(TraceID(hex: String(repeating: "0", count: 32)) == nil)
        #expect(TraceID(hex: String(repeating: "A", count: 32)) == nil)
        #expect(TraceID(hex: Self.span) == nil)
        #expect(SpanID(hex: "0000000000000000") == nil)
        #expect(SpanID(hex: "123456789012345g") == nil)
        #expect(SpanID(hex: "") == nil)
    }

    @Test("any two identifiers survive the wire")
    func roundTripProperty() async throws {
        var generator = SeededGenerator(seed: 7)
        for round in 0..<10_000 {
            // Other tests want to run meanwhile.
            if round % 100 == 0 { await Task.yield() }
            let context = SpanContext(
                traceID: TraceID(
                    high: generator.next() >> UInt64.random(in: 0...63, using: &generator),
                    low: generator.next() | 1
                ),
                spanID: SpanID((generator.next() >> UInt64.random(in: 0...63, using: &generator)) | 1),
                flags: TraceFlags(rawValue: UInt8.random(in: 0...3, using: &generator)),
                isRemote: true
            )
            let header = W3CPropagator.traceParent(of: context)
            try #require(header.utf8.count == 55)
            try #require(parse(header) == context)
        }
    }

    @Test("any mutation of a valid header is refused or gives a valid context")
    func mutationProperty() async throws {
        var generator = SeededGenerator(seed: 8)
        let alphabet = Array("0123456789abcdefABCDEFg-.,_ \t\r\n\u{0}é\u{301}🦆")
        var accepted = 0
        for round in 0..<20_000 {
            // Other tests want to run meanwhile.
            if round % 100 == 0 { await Task.yield() }
            var characters = Array(generator.pick([Self.valid, "cc-\(Self.trace)-\(Self.span)-03-next"]))
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let index = Int.random(in: characters.indices, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: characters[index] = generator.pick(alphabet)
                case 1: characters.insert(generator.pick(alphabet), at: index)
                default: characters.remove(at: index)
                }
            }
            guard let context = parse(String(characters)) else { continue }
            accepted += 1
            try #require(context.isValid && context.isRemote)
            let header = W3CPropagator.traceParent(of: context)
            try #require(header.wholeMatch(of: /00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]/) != nil)
            try #require(parse(header) == context)
        }
        #expect((2_000..<18_000).contains(accepted))
    }
}
