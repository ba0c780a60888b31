import Observability
import TestKit
import Testing

@Suite("Baggage")
struct BaggageTests {
    private func names(_ lines: String...) -> [String] {
        Baggage(headerLines: lines).members.map(\.name)
    }

    @Test("members are read with their values and metadata, in order")
    func read() {
        let baggage = Baggage(headerLines: ["tenant=acme , user = 42;prop1; p2 = v2 ", "empty="])
        #expect(baggage.members.map(\.name) == ["tenant", "user", "empty"])
        #expect(baggage["tenant"] == "acme")
        #expect(baggage["user"] == "42")
        #expect(baggage["empty"] == "")
        #expect(baggage["none"] == nil)
        #expect(baggage.members[1].metadata == "prop1; p2 = v2")
        #expect(baggage.header == "tenant=acme,user=42;prop1; p2 = v2,empty=")
    }

    @Test("values are percent-decoded, a plus sign stays one")
    func decoding() {
        let baggage = Baggage(headerLines: ["a=%20%2c%3B%25,b=x+y,c=%E2%82%AC,d=%FF,e=100%,f=%4,g=%zz,h=a=b"])
        #expect(baggage["a"] == " ,;%")
        #expect(baggage["b"] == "x+y")
        #expect(baggage["c"] == "€")
        #expect(baggage["d"] == "\u{FFFD}")
        #expect(baggage["e"] == "100%")
        #expect(baggage["f"] == "%4")
        #expect(baggage["g"] == "%zz")
        #expect(baggage["h"] == "a=b")
    }

    @Test("what the grammar does not allow is percent-encoded")
    func encoding() {
        var baggage = Baggage()
        baggage.set("a", to: "x y,z;%\"\\é\n")
        #expect(baggage.header == "a=x%20y%2Cz%3B%25%22%5C%C3%A9%0A")
    }

    @Test(
        "an invalid member is left out, the others are kept",
        arguments: [
            "", " ", "novalue", "=v", " =v", "a b=v", "a\"=v", "é=v", "k=v w", "k=\"v\"", "k=v\\", "k=é", "k=v;\u{7}",
        ]
    )
    func invalidMember(member: String) {
        #expect(names("first=1,\(member),last=2") == ["first", "last"])
    }

    @Test("the last value of a name wins")
    func duplicates() {
        let baggage = Baggage(headerLines: ["a=1,b=2", "a=3;m"])
        #expect(baggage["a"] == "3")
        #expect(baggage.members.count == 2)
        #expect(baggage.header == "b=2,a=3;m")
    }

    @Test("64 members are kept, over all lines")
    func memberLimit() {
        let members = (1...65).map { "k\($0)=v" }
        #expect(names(members.prefix(64).joined(separator: ",")).count == 64)
        #expect(names(members.joined(separator: ",")) == (1...64).map { "k\($0)" })
        let lines = Baggage(headerLines: members.map { $0 })
        #expect(lines.members.map(\.name) == (1...64).map { "k\($0)" })
    }

    @Test("8192 bytes are kept, over all lines and with their commas")
    func byteLimit() {
        func member(_ name: String, bytes: Int) -> String {
            "\(name)=" + String(repeating: "v", count: bytes - name.utf8.count - 1)
        }
        #expect(names(member("a", bytes: 8192)) == ["a"])
        #expect(names(member("a", bytes: 8193)) == [])
        #expect(names(member("a", bytes: 4000) + "," + member("b", bytes: 4191)) == ["a", "b"])
        #expect(names(member("a", bytes: 4000) + "," + member("b", bytes: 4192)) == ["a"])
        #expect(names(member("a", bytes: 4000), member("b", bytes: 4191)) == ["a", "b"])
        #expect(names(member("a", bytes: 4000), member("b", bytes: 4192)) == ["a"])
    }

    @Test("what is sent keeps the limits with whole members")
    func limitsWhenSending() {
        var baggage = Baggage()
        for number in 1...70 { baggage.set("k\(number)", to: "v") }
        #expect(baggage.header.split(separator: ",").count == 64)
        var large = Baggage()
        large.set("a", to: String(repeating: "é", count: 1365))
        large.set("b", to: "fits")
        large.set("c", to: String(repeating: " ", count: 100))
        // Six bytes for each encoded character: the first is 8192 bytes by itself.
        #expect(large.header == "a=" + String(repeating: "%C3%A9", count: 1365))
    }

    @Test("a name that is no token and metadata that cannot be sent are not taken over")
    func setting() {
        var baggage = Baggage()
        baggage.set("a b", to: "1")
        baggage.set("", to: "1")
        #expect(baggage.isEmpty)
        baggage.set("a", to: "1", metadata: "x\r\nEvil: yes")
        baggage.set("b", to: "2", metadata: "p,q=1")
        baggage.set("c", to: "3", metadata: "p=1;q")
        #expect(baggage.header == "a=1,b=2,c=3;p=1;q")
    }

    @Test("baggage travels without a span, and a context brings all three headers back")
    func injection() {
        var baggage = Baggage()
        baggage.set("tenant", to: "a b")
        var sent: [String: String] = [:]
        W3CPropagator.inject(ActiveContext(baggage: baggage)) { sent[$0] = $1 }
        #expect(sent == ["baggage": "tenant=a%20b"])
        let back = W3CPropagator.extract { sent[$0].map { [$0] } ?? [] }
        #expect(back.spanContext == nil)
        #expect(back.baggage == baggage)

        let span = SpanContext(
            traceID: TraceID(high: 1, low: 2),
            spanID: SpanID(3),
            flags: [.sampled, .random],
            traceState: TraceState(headerLines: ["v=1"]) ?? TraceState(),
            isRemote: true
        )
        var all: [String: String] = [:]
        W3CPropagator.inject(ActiveContext(spanContext: span, baggage: baggage)) { all[$0] = $1 }
        #expect(Set(all.keys) == Set(W3CPropagator.fields))
        let context = W3CPropagator.extract { all[$0].map { [$0] } ?? [] }
        #expect(context.spanContext == span)
        #expect(context.baggage == baggage)
    }

    @Test("nothing is sent for an invalid span")
    func invalidSpan() {
        let invalid = SpanContext(traceID: TraceID(high: 0, low: 0), spanID: SpanID(1), flags: .sampled)
        W3CPropagator.inject(ActiveContext(spanContext: invalid)) { name, _ in Issue.record("sent \(name)") }
        W3CPropagator.inject(ActiveContext()) { name, _ in Issue.record("sent \(name)") }
    }

    @Test("any value survives the wire")
    func roundTripProperty() async throws {
        var generator = SeededGenerator(seed: 10)
        let names = "abcXYZ019!#$%&'*+-.^_`|~".map(String.init)
        let values = "ab%, ;=\"\\\t\n\u{0}\u{7F}é€🦆+~!".map(String.init) + ["\u{301}", "%41"]
        for round in 0..<10_000 {
            // Other tests want to run meanwhile.
            if round % 100 == 0 { await Task.yield() }
            var baggage = Baggage()
            for _ in 0..<Int.random(in: 0...5, using: &generator) {
                baggage.set(generator.text(names, upTo: 6), to: generator.text(values, upTo: 20))
            }
            let header = baggage.header
            try #require(header.utf8.allSatisfy { (0x21...0x7E).contains($0) })
            try #require(Baggage(headerLines: [header]) == baggage)
        }
    }

    @Test("whatever is read, what is sent is valid, within the limits and reads the same")
    func garbageProperty() async throws {
        var generator = SeededGenerator(seed: 11)
        let pieces =
            ["a=1", "b=%20", "k=v;p=1", "c = 2 ; q"] + "ab=,,,,,;;%4 \t\"\\\r\n\u{0}é🦆".map(String.init) + ["\u{301}"]
        var kept = 0
        for round in 0..<20_000 {
            // Other tests want to run meanwhile.
            if round % 100 == 0 { await Task.yield() }
            let lines = (0..<Int.random(in: 0...3, using: &generator)).map { _ in generator.text(pieces, upTo: 20) }
            let baggage = Baggage(headerLines: lines)
            kept += baggage.members.count
            let header = baggage.header
            try #require(header.utf8.count <= 8192)
            try #require(header.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 })
            try #require(Baggage(headerLines: [header]) == baggage)
        }
        #expect(kept > 5_000)
    }
}
