import TestKit
import Testing

@testable import Observability

@Suite("traceparent as bytes")
struct TraceParentBytesTests {
    private static let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"

    private func read(_ text: String) -> TraceParent? {
        Array(text.utf8).withUnsafeBufferPointer { TraceParent($0) }
    }

    /// The same grammar, plainly.
    private func reference(_ text: String) -> TraceParent? {
        let bytes = Array(text.utf8).drop { $0 == 0x20 || $0 == 0x09 }
        let end = bytes.lastIndex { $0 != 0x20 && $0 != 0x09 }
        guard let end else { return nil }
        let trimmed = Array(bytes[...end])
        guard let text = String(validating: trimmed, as: UTF8.self), !text.contains(",") else { return nil }
        let pattern = /([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?/.dotMatchesNewlines()
            .matchingSemantics(.unicodeScalar)
        guard let match = text.wholeMatch(of: pattern), match.1 != "ff", match.1 != "00" || match.5 == nil,
            let trace = TraceID(hex: match.2), let span = SpanID(hex: match.3),
            let flags = UInt8(match.4, radix: 16)
        else { return nil }
        return TraceParent(traceID: trace, spanID: span, flags: TraceFlags(rawValue: flags & 3))
    }

    @Test("is written into a buffer, and not beyond it")
    func writing() throws {
        let parent = try #require(TraceParent(Self.valid))
        var bytes = [UInt8](repeating: 0x2A, count: 57)
        #expect(bytes.withUnsafeMutableBufferPointer { parent.write(into: $0) } == TraceParent.byteCount)
        #expect(String(decoding: bytes, as: UTF8.self) == Self.valid + "**")
        var short = [UInt8](repeating: 0x2A, count: 54)
        #expect(short.withUnsafeMutableBufferPointer { parent.write(into: $0) } == 0)
        #expect(short.allSatisfy { $0 == 0x2A })
        #expect(parent.write(into: UnsafeMutableBufferPointer(start: nil, count: 0)) == 0)
        #expect(TraceParent(UnsafeBufferPointer<UInt8>(start: nil, count: 0)) == nil)
    }

    @Test("two headers joined by a comma are none, in every version")
    func joined() {
        #expect(read("\(Self.valid),\(Self.valid)") == nil)
        #expect(read("\(Self.valid), \(Self.valid)") == nil)
        let later = "cc" + Self.valid.dropFirst(2)
        #expect(read("\(later),\(later)") == nil)
        #expect(read("\(later)-x,\(later)") == nil)
        #expect(read("\(later)-x") != nil)
    }

    @Test("every byte at every place is read as the grammar says")
    func everyByte() async {
        let valid = Array(Self.valid.utf8)
        for index in valid.indices {
            // Other tests want to run meanwhile.
            await Task.yield()
            for byte in UInt8.min ... .max {
                var bytes = valid
                bytes[index] = byte
                let read = bytes.withUnsafeBufferPointer { TraceParent($0) }
                let expected = String(validating: bytes, as: UTF8.self).flatMap(reference)
                #expect(read == expected, "\(byte) at \(index)")
            }
        }
    }

    @Test("any mutation is read as the grammar says, and written as it was read")
    func mutations() async throws {
        var generator = SeededGenerator(seed: 31)
        let pieces = "0123456789abcdefABCDEFg-.,_ \t\r\n\u{0}é🦆".map(String.init)
        var accepted = 0
        for round in 0..<20_000 {
            // Other tests want to run meanwhile.
            if round % 100 == 0 { await Task.yield() }
            let trace = (0..<4).map { _ in UInt64.random(in: .min ... .max, using: &generator).lowerHex.prefix(8) }
            let text =
                "\(generator.pick(["00", "01", "cc", "ff"]))-\(trace.joined())-\(generator.next().lowerHex)-0"
                + "\(generator.pick(["0", "1", "2", "3", "9", "f"]))\(generator.pick(["", "", "-", "-next", ".x"]))"
            var characters = text.map(String.init)
            for _ in 0..<Int.random(in: 0...2, using: &generator) {
                let index = Int.random(in: characters.indices, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: characters[index] = generator.pick(pieces)
                case 1: characters.insert(generator.pick(pieces), at: index)
                default: characters.remove(at: index)
                }
            }
            let mutated = characters.joined()
            let parent = read(mutated)
            try #require(parent == reference(mutated), "\(mutated.debugDescription)")
            try #require(parent == TraceParent(mutated))
            guard let parent else { continue }
            accepted += 1
            try #require(read(parent.description) == parent)
        }
        #expect(accepted > 4_000)
    }

    @Test("digits are what the standard library makes of them")
    func digits() async {
        var generator = SeededGenerator(seed: 32)
        for round in 0..<10_000 {
            if round % 100 == 0 { await Task.yield() }
            let value = generator.next() >> UInt64.random(in: 0...63, using: &generator)
            let parent = TraceParent(
                traceID: TraceID(high: value, low: ~value),
                spanID: SpanID(value | 1),
                flags: .sampled
            )
            func hex(_ number: UInt64) -> String {
                let digits = String(number, radix: 16)
                return String(repeating: "0", count: 16 - digits.count) + digits
            }
            #expect(parent.description == "00-\(hex(value))\(hex(~value))-\(hex(value | 1))-01")
        }
    }
}
