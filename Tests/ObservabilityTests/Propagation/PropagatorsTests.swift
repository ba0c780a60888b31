import Observability
import TestKit
import Testing

@Suite("Propagators")
struct PropagatorsTests {
    private static let headers = [
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "v=1",
        "baggage": "tenant=a",
    ]

    private func extract(_ propagators: Propagators, asked: inout [String]) -> ActiveContext {
        var names: [String] = []
        let context = propagators.extract { name in
            names.append(name)
            return Self.headers[name].map { [$0] } ?? []
        }
        asked = names
        return context
    }

    private func inject(_ propagators: Propagators, _ context: ActiveContext) -> [String: String] {
        var sent: [String: String] = [:]
        propagators.inject(context) { sent[$0] = $1 }
        return sent
    }

    @Test("each reads and writes its own headers only")
    func sets() {
        var asked: [String] = []
        let all = extract(.all, asked: &asked)
        #expect(asked == ["traceparent", "tracestate", "baggage"])
        #expect(asked == Propagators.all.fields)
        #expect(inject(.all, all) == Self.headers)

        let trace = extract(.traceContext, asked: &asked)
        #expect(asked == ["traceparent", "tracestate"])
        #expect(asked == Propagators.traceContext.fields)
        #expect(trace.spanContext == all.spanContext)
        #expect(trace.baggage.isEmpty)
        #expect(Set(inject(.traceContext, all).keys) == ["traceparent", "tracestate"])

        let baggage = extract(.baggage, asked: &asked)
        #expect(asked == ["baggage"])
        #expect(asked == Propagators.baggage.fields)
        #expect(baggage.spanContext == nil)
        #expect(baggage.baggage == all.baggage)
        #expect(inject(.baggage, all) == ["baggage": "tenant=a"])

        let none = extract([], asked: &asked)
        #expect(asked == [])
        #expect(Propagators().fields == [])
        #expect(none.spanContext == nil && none.baggage.isEmpty)
        #expect(inject([], all) == [:])
    }

    @Test("what is extracted is remote; an unsampled context is sent all the same")
    func remote() throws {
        let context = Propagators.all.extract { name in
            name == "traceparent" ? ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02"] : []
        }
        let span = try #require(context.spanContext)
        #expect(span.isRemote)
        #expect(!span.isSampled)
        #expect(inject(.all, context)["traceparent"] == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02")
    }

    @Test("headers keep to the carrier's limits with whole members")
    func limits() throws {
        var baggage = Baggage()
        for number in 10..<60 { baggage.set("key\(number)", to: String(repeating: "v", count: 94)) }
        let members = (0..<32).map { "key\($0)=" + String(repeating: "v", count: 120) }
        let state = try #require(TraceState(headerLines: members))
        let span = SpanContext(
            traceID: TraceID(high: 1, low: 1),
            spanID: SpanID(1),
            flags: .sampled,
            traceState: state
        )
        let context = ActiveContext(spanContext: span, baggage: baggage)
        var sent: [String: String] = [:]
        Propagators.all.inject(context, limits: .grpc) { sent[$0] = $1 }
        let sentBaggage = try #require(sent["baggage"])
        #expect((3900...4000).contains(sentBaggage.utf8.count))
        #expect(sentBaggage.split(separator: ",").allSatisfy { $0.utf8.count == 100 })
        let sentState = try #require(sent["tracestate"])
        #expect((896...1024).contains(sentState.utf8.count))
        #expect(sentState == members.prefix(sentState.split(separator: ",").count).joined(separator: ","))
        // All headers of gRPC count 32 bytes more each, and together have 8 KiB.
        #expect(sent.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 32 } < 6000)
        #expect(inject(.all, context)["baggage"]?.utf8.count == 5049)
        #expect(inject(.all, context)["tracestate"] == state.header)
        #expect(Propagators.HeaderLimits(traceState: 0, baggage: 99_999) == .init(traceState: 512, baggage: 8192))
    }

    @Test("of a tracestate that is too long, long members go first, then the right-most")
    func truncation() throws {
        let long = "long=" + String(repeating: "v", count: 200)
        let short = (0..<9).map { "k\($0)=" + String(repeating: "v", count: 50) }
        let members = [short[0], long, short[1]] + short[2...] + ["long2" + long.dropFirst(4)]
        let state = try #require(TraceState(headerLines: members))
        #expect(state.truncated(to: 10_000) == state)
        #expect(state.truncated(to: state.header.utf8.count) == state)
        let oneLess = state.truncated(to: state.header.utf8.count - 1)
        #expect(oneLess.header == members.dropLast().joined(separator: ","))
        #expect(state.truncated(to: 512).header == short.joined(separator: ","))
        #expect(state.truncated(to: 100).header == short[0])
        #expect(state.truncated(to: 10).isEmpty)
    }

    @Test("a changed member comes first; others keep their order; the 33rd falls off")
    func setting() throws {
        let state = try #require(TraceState(headerLines: ["a=1,b=2,c=3"]))
        #expect(state["b"] == "2")
        #expect(state["d"] == nil)
        #expect(state.setting("9", for: "c").header == "c=9,a=1,b=2")
        #expect(state.setting("9", for: "new").header == "new=9,a=1,b=2,c=3")
        #expect(state.setting(nil, for: "a").header == "b=2,c=3")
        #expect(state.setting(nil, for: "d") == state)
        #expect(state.setting("a,b", for: "d") == state)
        #expect(state.setting("", for: "d") == state)
        let full = try #require(TraceState(headerLines: (0..<32).map { "k\($0)=v" }))
        let changed = full.setting("1", for: "new").header.split(separator: ",")
        #expect(changed.count == 32)
        #expect(changed.first == "new=1")
        #expect(changed.last == "k30=v")
        #expect(full.setting("1", for: "k31").header.split(separator: ",").count == 32)
    }
}

@Suite("Baggage allow-list")
struct BaggageAllowListTests {
    private let baggage: Baggage = {
        var baggage = Baggage()
        baggage.set("tenant", to: "acme", metadata: "p=1")
        baggage.set("session.token", to: "hunter2")
        baggage.set("user", to: "ada@example.com")
        baggage.set("http.route", to: "/evil")
        return baggage
    }()

    @Test("nothing is copied unless it is allowed")
    func empty() {
        #expect(BaggageAllowList().attributes(of: baggage) == [:])
        #expect(BaggageAllowList().metadata(of: baggage) == [:])
        #expect(BaggageAllowList(["tenant"]).attributes(of: Baggage()) == [:])
    }

    @Test("allowed members get a prefix, and secrets stay secret")
    func copies() {
        let list = BaggageAllowList(["tenant", "http.route", "tenant", "session.token", "user", "absent"])
        let attributes: Attributes = [
            "baggage.tenant": "acme", "baggage.http.route": "/evil", "baggage.session.token": "[redacted]",
            "baggage.user": "***@example.com",
        ]
        #expect(list.attributes(of: baggage) == attributes)
        #expect(
            list.metadata(of: baggage).mapValues { "\($0)" }
                == Dictionary(
                    uniqueKeysWithValues: attributes.map {
                        ($0.key, "\($0.value)".split(separator: "\"")[1].description)
                    }
                )
        )
    }
}
