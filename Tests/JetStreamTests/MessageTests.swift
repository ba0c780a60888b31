import Testing

@testable import JetStream

@Suite("Headers and metadata")
struct MessageTests {
    @Test("a look-up ignores case and prefers the lowercase name")
    func lookUp() {
        let headers: NATSHeaders = ["Traceparent": "other", "traceparent": "w3c", "X-A": "1"]
        #expect(headers["traceparent"] == "w3c")
        #expect(headers["TRACEPARENT"] == "w3c")
        #expect(headers["x-a"] == "1")
        #expect(headers["missing"] == nil)
        #expect(headers.values(named: "TraceParent") == ["other", "w3c"])
    }

    @Test("setting replaces every case of a name, appending keeps them")
    func changes() {
        var headers: NATSHeaders = ["A": "1", "b": "2"]
        headers.set("a", to: "3")
        headers.append("B", "4")
        #expect(headers.map(\.name) == ["b", "a", "B"])
        headers["b"] = nil
        #expect(headers == ["a": "3"])
    }

    @Test("descriptions show no values")
    func descriptions() {
        let message = NATSMessage(subject: "a", headers: ["token": "s3cret"], payload: "s3cret".bytes)
        #expect("\(message)" == "NATSMessage(a, NATSHeaders(token), 6 bytes)")
    }

    @Test("metadata is read from both forms of the acknowledgement subject")
    func metadata() throws {
        let short = try #require(
            MessageMetadata(acknowledgementSubject: "$JS.ACK.ORDERS.n.2.10.11.1700000000000000001.7")
        )
        #expect(short.stream == "ORDERS")
        #expect(short.consumer == "n")
        #expect(short.deliveryCount == 2)
        #expect(short.streamSequence == 10)
        #expect(short.consumerSequence == 11)
        #expect(short.timestamp == 1_700_000_000_000_000_001)
        #expect(short.pending == 7)
        #expect(short.domain == nil)
        for (text, domain) in [
            ("$JS.ACK._.hash.ORDERS.n.2.10.11.1700000000000000001.7", nil as String?),
            ("$JS.ACK.hub.hash.ORDERS.n.2.10.11.1700000000000000001.7.token", "hub"),
        ] {
            let long = try #require(MessageMetadata(acknowledgementSubject: text))
            #expect(long.domain == domain)
            #expect(long.stream == "ORDERS")
            #expect(long.pending == 7)
        }
    }

    @Test(
        "other subjects have no metadata",
        arguments: [
            "", "order.created", "$JS.ACK.ORDERS.n.2.10.11.1700000000000000001",
            "$JS.ACK.a.ORDERS.n.2.10.11.1700000000000000001.7", "$JS.ACK.ORDERS.n.x.10.11.1.7",
            "$JS.ACK.ORDERS.n.1.10.11.99999999999999999999.7", "$JS.NAK.ORDERS.n.2.10.11.1700000000000000001.7",
        ]
    )
    func noMetadata(subject: String) {
        #expect(MessageMetadata(acknowledgementSubject: subject) == nil)
    }
}
