import Foundation
import Testing

@testable import AlertEnricher

@Suite("An answer of Prometheus")
struct PrometheusAnswerTests {
    private func worst(_ body: [UInt8], limit: Int = 3) throws -> [WorstTrace] {
        WorstTrace.worst(of: try PrometheusAnswer.traces(status: 200, body: body), limit: limit)
    }

    private func numbers(_ traces: [WorstTrace]) -> [Int?] { traces.map { Int($0.id, radix: 16) } }

    @Test("The greatest values are the worst, as many as are wanted")
    func greatest() throws {
        let body = Bodies.exemplars([
            Bodies.exemplar(1, "2.5"), Bodies.exemplar(2, "14.25"), Bodies.exemplar(3, "0.01"), Bodies.exemplar(4, "3"),
        ])
        #expect(numbers(try worst(body)) == [2, 4, 1])
        #expect(numbers(try worst(body, limit: 1)) == [2])
        #expect(numbers(try worst(body, limit: 9)) == [2, 4, 1, 3])
    }

    @Test("Of equal values the newest come first")
    func newest() throws {
        let body = Bodies.exemplars([
            Bodies.exemplar(1, "1", at: 100), Bodies.exemplar(2, "1", at: 300.5), Bodies.exemplar(3, "1", at: 200),
        ])
        #expect(numbers(try worst(body)) == [2, 3, 1])
    }

    @Test("A trace is named once, by its greatest value")
    func duplicates() throws {
        let body = Bodies.exemplars([
            Bodies.exemplar(1, "5"), Bodies.exemplar(1, "9"), Bodies.exemplar(2, "7"), Bodies.exemplar(1, "8"),
        ])
        let traces = try worst(body)
        #expect(numbers(traces) == [1, 2])
        #expect(traces.map(\.value) == [9, 7])
    }

    @Test("What is no number, or endless, is left out")
    func notFinite() throws {
        let body = Bodies.exemplars([
            Bodies.exemplar(1, "NaN"), Bodies.exemplar(2, "+Inf"), Bodies.exemplar(3, "-Inf"),
            Bodies.exemplar(4, "much"),
            Bodies.exemplar(5, ""), Bodies.exemplar(6, "-1"), Bodies.exemplar(7, "1e-3"),
        ])
        #expect(numbers(try worst(body)) == [7, 6])
    }

    @Test("Exemplars without a trace id are left out, and so is what cannot be one")
    func withoutTrace() throws {
        let id = "4BF92F3577B34DA6A3CE929D0E0E4736"
        let labels = [
            #"{"trace_id":"\#(id)"}"#, #"{"trace_id":"\#(id.dropLast())/"}"#, #"{"trace_id":"\#(id)0"}"#,
            #"{"trace_id":"../../../../../../../../../../ab"}"#, #"{"trace_id":""}"#,
            #"{"trace_id":"00000000000000000000000000000000"}"#, #"{"trace_id":"４bf92f3577b34da6a3ce929d0e0e4736"}"#,
            #"{"traceID":"\#(id)"}"#, "{}",
        ]
        let exemplars = labels.map { #"{"labels":\#($0),"value":"1","timestamp":1}"# } + [#"{"value":"2"}"#, "{}"]
        #expect(try worst(Bodies.exemplars(exemplars), limit: 20).map(\.id) == [id.lowercased()])
    }

    @Test("Series without exemplars, and no series, are no traces")
    func empty() throws {
        #expect(try worst(Array(#"{"status":"success","data":[]}"#.utf8)).isEmpty)
        #expect(try worst(Array(#"{"status":"success","data":[{"seriesLabels":{}}]}"#.utf8)).isEmpty)
    }

    @Test("A trace is one line with a link")
    func line() throws {
        let time = "2026-11-21T13:00:00Z"
        let link = "http://jaeger/trace/\(Bodies.traceID(1))"
        let durations = try worst(Bodies.exemplars([Bodies.exemplar(1, "12.3456")]))
        #expect(durations.map { $0.line(jaeger: "http://jaeger") } == ["12.3 s at \(time): \(link)"])
        let counts = try worst(Bodies.exemplars([Bodies.exemplar(1, "1")], of: "notification_late_total"))
        #expect(counts.map { $0.line(jaeger: "http://jaeger") } == ["\(time): \(link)"])
    }

    @Test(
        "Durations are said as people say them",
        arguments: [
            (0.0000042, "4.2 µs"), (0.0123, "12.3 ms"), (0.85, "850 ms"), (1, "1 s"), (2.345, "2.35 s"),
            (59.94, "59.9 s"),
            (125, "2 min 5 s"), (7_260, "2 h 1 min"),
        ]
    )
    func durations(seconds: Double, text: String) {
        #expect(DurationText.text(seconds: seconds) == text)
    }

    @Test("The series with the greatest value is the cause")
    func cause() throws {
        let body = Bodies.vector([
            (#""cause":"deliver","reason":"""#, "2"), (#""cause":"redelivery_wait","reason":"smtp_451""#, "11.5"),
            (#""cause":"lookup""#, "NaN"),
        ])
        #expect(try PrometheusAnswer.cause(status: 200, body: body) == "redelivery_wait (smtp_451)")
    }

    @Test(
        "A cause is named by its labels",
        arguments: [
            (#""cause":"deliver","reason":"""#, "deliver"), (#""cause":"deliver""#, "deliver"),
            (
                #""rpc_method":"A/B","error_type":"UNAVAILABLE","empty":"""#,
                #"error_type="UNAVAILABLE", rpc_method="A/B""#
            ),
            (#""cause":"a\nb""#, "a b"), (#""__name__":"x""#, nil), ("", nil),
        ] as [(String, String?)]
    )
    func causeLabels(labels: String, text: String?) throws {
        #expect(try PrometheusAnswer.cause(status: 200, body: Bodies.vector([(labels, "1")])) == text)
    }

    @Test("Nothing above zero is no cause", arguments: ["0", "NaN", "-1", "x"])
    func noCause(value: String) throws {
        #expect(try PrometheusAnswer.cause(status: 200, body: Bodies.vector([(#""cause":"a""#, value)])) == nil)
        #expect(try PrometheusAnswer.cause(status: 200, body: Bodies.vector([])) == nil)
    }

    @Test("Equal causes are told in one order, and a long one is cut off")
    func orderAndLength() throws {
        let equal = Bodies.vector([(#""cause":"b""#, "1"), (#""cause":"a""#, "1")])
        #expect(try PrometheusAnswer.cause(status: 200, body: equal) == "a")
        let long = Bodies.vector([(#""cause":"\#(String(repeating: "c", count: 1000))""#, "1")])
        #expect(try PrometheusAnswer.cause(status: 200, body: long)?.count == 257)
    }

    @Test(
        "What is not understood is said",
        arguments: [
            (200, "hello", "the answer of Prometheus is not understood"),
            (200, #"{"status":"success"}"#, "the answer of Prometheus is not understood"),
            (
                200, #"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#,
                "the expression's result is a scalar, not a vector"
            ),
            (503, "Service Unavailable", "Prometheus answered with status 503"),
            (
                400, #"{"status":"error","errorType":"bad_data","error":"1:1: parse error"}"#,
                "Prometheus answered with status 400: 1:1: parse error"
            ),
        ]
    )
    func notUnderstood(status: Int, text: String, problem: String) {
        #expect { try PrometheusAnswer.cause(status: status, body: Array(text.utf8)) } throws: { "\($0)" == problem }
    }
}
