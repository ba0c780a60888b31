import Observability
import TestKit
import Testing

@Suite("tracestate")
struct TraceStateTests {
    private static let parent = "00-12345678901234567890123456789012-1234567890123456-01"

    private func header(_ lines: String...) -> String? {
        TraceState(headerLines: lines)?.header
    }

    @Test(
        "members keep their text and order",
        arguments: ["foo=1", "foo=1,bar=2", "b=1,a=2,c=3", "a=1,b=2,a=3", "foo= 1", "a=!~;:\"\\"]
    )
    func kept(text: String) {
        #expect(header(text) == text)
    }

    @Test("several header lines are joined in order")
    func lines() {
        #expect(header("foo=1", "bar=2,baz=3", "", "qux=4") == "foo=1,bar=2,baz=3,qux=4")
        #expect(header() == "")
    }

    @Test("empty members and white space around members are no part of the list")
    func emptyMembers() {
        #expect(header("foo=1,,bar=2") == "foo=1,bar=2")
        #expect(header(",foo=1, ,\t,bar=2,") == "foo=1,bar=2")
        #expect(header("foo=1 \t , \t bar=2") == "foo=1,bar=2")
        #expect(header("") == "")
        #expect(header(" ", ",") == "")
        #expect(TraceState(headerLines: [" "])?.isEmpty == true)
    }

    @Test("32 members are kept, the 33rd drops all")
    func memberLimit() {
        let members = (1...33).map { "k\($0)=\($0)" }
        #expect(header(members.prefix(32).joined(separator: ",")) == members.prefix(32).joined(separator: ","))
        #expect(header(members.joined(separator: ",")) == nil)
        #expect(header(members.prefix(20).joined(separator: ","), members.suffix(13).joined(separator: ",")) == nil)
        #expect(header(members.prefix(32).joined(separator: ",,") + ",,,") != nil)
    }

    @Test(
        "keys of the grammar are kept",
        arguments: ["a", "0", "9z", "a_-*/@b", "tenant@vendor", "a@b@c", String(repeating: "k", count: 256)]
    )
    func goodKey(key: String) {
        #expect(header("\(key)=1") == "\(key)=1")
    }

    @Test(
        "a bad key drops all",
        arguments: [
            "", "@a", "_a", "-a", "*a", "/a", "A", "aB", "a.b", "a ", "a b", "a\tb", "é", "a\u{301}",
            String(repeating: "k", count: 257),
        ]
    )
    func badKey(key: String) {
        #expect(header("foo=1,\(key)=1") == nil)
    }

    @Test("a value of 256 characters is kept, one more drops all")
    func valueLength() {
        #expect(header("a=" + String(repeating: "v", count: 256)) != nil)
        #expect(header("a=" + String(repeating: "v", count: 257)) == nil)
    }

    @Test("a bad value drops all", arguments: ["a=", "a", "a=b=c", "a==", "a=b\u{7F}", "a=é", "a=b\tc", "a=b\u{0}"])
    func badValue(member: String) {
        #expect(header("foo=1,\(member)") == nil)
    }

    @Test("a bad tracestate does not end the trace, and without a traceparent it is not looked at")
    func besideTraceParent() throws {
        let context = try #require(W3CPropagator.spanContext(traceParents: [Self.parent], traceStates: ["A=1"]))
        #expect(context.traceState.isEmpty)
        let kept = W3CPropagator.spanContext(traceParents: [Self.parent], traceStates: ["b=1", "a=2"])
        #expect(kept?.traceState.header == "b=1,a=2")
        #expect(W3CPropagator.spanContext(traceParents: ["garbage"], traceStates: ["b=1"]) == nil)
    }

    @Test("an empty state is not sent")
    func emptyIsNotSent() throws {
        var sent: [String: String] = [:]
        let context = W3CPropagator.spanContext(traceParents: [Self.parent], traceStates: [" , "])
        W3CPropagator.inject(ActiveContext(spanContext: context)) { sent[$0] = $1 }
        #expect(sent == ["traceparent": Self.parent])
    }

    @Test("whatever is read is valid when it is sent")
    func property() async throws {
        var generator = SeededGenerator(seed: 9)
        let pieces = [
            "k=v", "a@b= 2", "x_-*/9=~!;", ",", ",", ",", ",", " ", "\t", "k", "=", "A", "é", "\u{0}", "\u{301}", "🦆",
        ]
        var accepted = 0
        for round in 0..<20_000 {
            // Other tests want to run meanwhile.
            if round % 100 == 0 { await Task.yield() }
            let lines = (0..<Int.random(in: 0...4, using: &generator)).map { _ in generator.text(pieces, upTo: 4) }
            guard let state = TraceState(headerLines: lines) else { continue }
            try #require(TraceState(headerLines: [state.header]) == state)
            guard !state.isEmpty else { continue }
            accepted += 1
            for member in state.header.split(separator: ",", omittingEmptySubsequences: false) {
                try #require(member.wholeMatch(of: /[a-z0-9][a-z0-9_\-*\/@]*=[ -+\--<>-~]*[!-+\--<>-~]/) != nil)
                try #require(lines.contains { $0.contains(member) })
            }
        }
        #expect(accepted > 1_000)
    }
}
