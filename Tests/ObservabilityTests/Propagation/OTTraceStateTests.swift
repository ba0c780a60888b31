import TestKit
import Testing

@testable import Observability

@Suite("OpenTelemetry's member of tracestate")
struct OTTraceStateTests {
    @Test(
        "thresholds are read with the zeros that were left out, and written without them",
        arguments: [
            ("0", 0), ("8", 1 << 55), ("c", 3 << 54), ("e666", 0xE666 << 40), ("fd70a", 0xFD70A << 36),
            ("ffbe77", 0xFFBE77 << 32), ("ffffffffffffff", 1 << 56 - 1), ("00000000000001", 1),
        ] as [(String, UInt64)]
    )
    func thresholds(text: String, value: UInt64) throws {
        let member = try #require(OTTraceState(value: "th:\(text)"))
        #expect(member.threshold == value)
        #expect(member.value == "th:\(text)")
        #expect(OTTraceState(threshold: value).value == "th:\(text)")
    }

    @Test("zeros at the end of a threshold are understood")
    func trailingZeros() {
        #expect(OTTraceState(value: "th:800")?.threshold == 1 << 55)
        #expect(OTTraceState(value: "th:00000000000000")?.value == "th:0")
    }

    @Test("a malformed threshold is as if it were absent", arguments: ["", "F", "g", "0x8", "123456789012345", "-1"])
    func malformedThreshold(text: String) throws {
        let member = try #require(OTTraceState(value: "th:\(text);a:b"))
        #expect(member.threshold == nil)
        #expect(member.value == "a:b")
    }

    @Test("randomness has exactly 14 digits, and is never changed nor erased")
    func randomness() throws {
        let known = try #require(OTTraceState(value: "rv:0123456789abcd;th:8"))
        #expect(known.randomness == 0x01_2345_6789_ABCD)
        var changed = known
        changed.threshold = nil
        #expect(changed.value == "rv:0123456789abcd")
        for text in ["0123456789abc", "0123456789abcde", "0123456789ABCD", ""] {
            let strange = try #require(OTTraceState(value: "rv:\(text)"))
            #expect(strange.randomness == nil)
            #expect(strange.value == "rv:\(text)")
        }
    }

    @Test("sub-keys of others keep their text and order")
    func others() throws {
        var member = try #require(OTTraceState(value: "b:2;th:8;a:1.x_-Y;rv:00000000000000"))
        member.threshold = 0xC << 52
        #expect(member.value == "th:c;rv:00000000000000;b:2;a:1.x_-Y")
        member.threshold = nil
        #expect(member.value == "rv:00000000000000;b:2;a:1.x_-Y")
    }

    @Test(
        "a malformed member is as if it were absent",
        arguments: ["", "a", "A:1", "1:a", ":a", "a:b;", "a:b c", "a:1;a:2", "th:8;th:8", "é:1"]
    )
    func malformed(value: String) {
        #expect(OTTraceState(value: value) == nil)
        guard let state = TraceState(headerLines: ["ot=\(value)"]) else { return }
        #expect(OTTraceState(state) == OTTraceState())
    }

    @Test("a value has at most 256 characters; what does not fit beside the threshold is left out")
    func length() throws {
        let long = "a:" + String(repeating: "x", count: 254)
        var member = try #require(OTTraceState(value: long))
        #expect(OTTraceState(value: long + "x") == nil)
        #expect(member.value == long)
        member.threshold = 1 << 55
        #expect(member.value == "th:8")
        var fits = try #require(OTTraceState(value: "a:" + String(repeating: "x", count: 244) + ";b:1;c:2"))
        fits.threshold = 1 << 55
        #expect(fits.value == "th:8;a:" + String(repeating: "x", count: 244) + ";b:1")
        #expect(fits.value.utf8.count <= 256)
    }

    @Test("more than 56 bits do not exist")
    func bits() {
        var member = OTTraceState(threshold: .max, randomness: .max)
        // With a type: the compiler compares an optional and an untyped sum as AnyHashable, and reads beyond its own copy.
        let most: UInt64 = 1 << 56 - 1
        #expect(member.threshold == most)
        #expect(member.randomness == most)
        member.threshold = 1 << 56
        #expect(member.threshold == 0)
    }

    @Test("is written to the far left of the state, or taken out of it")
    func state() throws {
        let state = try #require(TraceState(headerLines: ["v=1,ot=th:8;x:y,w=2"]))
        var member = OTTraceState(state)
        #expect(member.threshold == 1 << 55)
        member.threshold = 0
        #expect(member.applied(to: state).header == "ot=th:0;x:y,v=1,w=2")
        #expect(OTTraceState().applied(to: state).header == "v=1,w=2")
        #expect(OTTraceState(threshold: 0).applied(to: TraceState()).header == "ot=th:0")
        #expect(OTTraceState().applied(to: TraceState()).isEmpty)
        #expect(OTTraceState(TraceState()) == OTTraceState())
    }

    @Test("whatever is read, what is written is read as the same")
    func roundTripProperty() async throws {
        var generator = SeededGenerator(seed: 41)
        let pieces = ["th:", "rv:", "a:", ";", "8", "00000000000000", "f", "x", "A", ".", "k9:v", "0123456789abcd"]
        var read = 0
        for round in 0..<20_000 {
            if round % 100 == 0 { await Task.yield() }
            let text = generator.text(pieces, upTo: 8)
            guard let member = OTTraceState(value: text) else { continue }
            read += 1
            let value = member.value
            try #require(value.utf8.count <= 256)
            if !value.isEmpty { try #require(OTTraceState(value: value) == member) }
        }
        #expect(read > 500)
    }
}
