import Foundation
import Observability
import Testing

@testable import OTLPExporter

@Suite("OTLP/HTTP exporter's shutdown")
struct OTLPHTTPSpanExporterShutdownTests {
    @Test("ends a transfer to a server that never answers", arguments: [Duration.zero, .milliseconds(300)])
    func duringTransfer(grace: Duration) async throws {
        let server = try ScriptedHTTPServer(.silence)
        let exporter = try makeExporter(server.url)
        async let export = exporter.timedExport([makeSpan(1)])
        #expect(await server.waitForRequests(1))
        let start = ContinuousClock.now
        exporter.shutdown(deadline: start + grace)
        let (result, _, end) = await export
        #expect(result == SpanExportResult(exported: 0, failed: 1, errorType: "shutdown"))
        #expect((grace..<(grace + .seconds(2))).contains(end - start))
    }

    @Test("ends a backoff that would last beyond the deadline, at once")
    func duringBackoff() async throws {
        let server = try ScriptedHTTPServer(.status(503, headers: ["Retry-After": "15"]))
        let exporter = try makeExporter(server.url)
        async let export = exporter.timedExport([makeSpan(1)])
        #expect(await server.waitForRequests(1))
        let start = ContinuousClock.now
        exporter.shutdown(deadline: start + .seconds(5))
        let (result, _, end) = await export
        #expect(result == SpanExportResult(exported: 0, failed: 1, errorType: "503"))
        #expect(end - start < .seconds(3))
        #expect(server.requests.count == 1)
    }

    @Test("lets spans out until the deadline and fails at once after it")
    func flush() async throws {
        let server = try ScriptedHTTPServer(.status(503))
        let exporter = try makeExporter(server.url)
        exporter.shutdown(deadline: .now + .seconds(30))
        #expect(await exporter.export([makeSpan(1)]) == SpanExportResult(exported: 1))
        exporter.shutdown(deadline: .now)
        #expect(await exporter.export([makeSpan(2)]) == SpanExportResult(exported: 0, failed: 1, errorType: "shutdown"))
        #expect(server.requests.count == 2)
    }

    @Test("may come from several threads in the middle of exports")
    func concurrent() async throws {
        for _ in 0..<10 {
            let server = try ScriptedHTTPServer(.status(200), .status(503), .silence)
            let exporter = try makeExporter(server.url)
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for number in 1...3 { _ = await exporter.export([makeSpan(UInt64(number))]) }
                }
                for delay in 0..<4 {
                    group.addTask {
                        try? await Task.sleep(for: .milliseconds(delay * 5))
                        exporter.shutdown(deadline: .now + .milliseconds(50))
                    }
                }
            }
            #expect(await exporter.export([makeSpan(9)]).errorType == "shutdown")
        }
    }

    @Test("works through the batch processor while the backend is a black hole")
    func processor() async throws {
        let server = try ScriptedHTTPServer(.silence, .silence, .silence)
        let processor = BatchSpanProcessor(exporter: try makeExporter(server.url), resource: testResource)
        for number in 1...600 { processor.onEnd(makeSpan(UInt64(number))) }
        #expect(await server.waitForRequests(1))
        let start = ContinuousClock.now
        _ = await processor.shutdown(timeout: .milliseconds(500))
        // Far less than the 30 seconds that an export may take, far more than a busy machine needs.
        #expect(.now - start < .seconds(15))
        let deadline = ContinuousClock.now + .seconds(5)
        while processor.statistics.failed["shutdown"] != 600, .now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect(processor.statistics.failed == ["shutdown": 600])
    }

    /// Backends that take no spans, each in its way.
    enum Backend: String, CaseIterable {
        case refusing, unreachable, blackHole, slow, overloaded, failing
    }

    @Test("returns within its deadline whatever the backend does", arguments: Backend.allCases)
    func backend(_ backend: Backend) async throws {
        let unreachable = try UnreachablePort()
        let server =
            switch backend {
            case .refusing, .unreachable, .blackHole: try ScriptedHTTPServer(then: .silence)
            case .slow: try ScriptedHTTPServer(then: .drip)
            case .overloaded: try ScriptedHTTPServer(then: .status(429, headers: ["Retry-After": "3600"]))
            case .failing: try ScriptedHTTPServer(then: .status(503))
            }
        let url =
            switch backend {
            case .refusing: "http://127.0.0.1:1"
            case .unreachable: "http://127.0.0.1:\(unreachable.port)"
            default: server.url
            }
        let exporter = try makeExporter(url)
        async let export = exporter.timedExport((1...600).map { makeSpan($0) })
        if url == server.url { #expect(await server.waitForRequests(1)) }
        let start = ContinuousClock.now
        exporter.shutdown(deadline: start + .milliseconds(300))
        #expect(.now - start < .milliseconds(250))
        let (result, exportStart, end) = await export
        #expect(result.exported == 0)
        #expect(result.failed == 600)
        // Where nothing was to be waited for, the export may not even have started when it was to end.
        #expect(end - max(start, exportStart) < .seconds(2))
        exporter.shutdown(deadline: .now)
        let (late, lateStart, lateEnd) = await exporter.timedExport([makeSpan(1)])
        #expect(late == SpanExportResult(exported: 0, failed: 1, errorType: "shutdown"))
        #expect(lateEnd - lateStart < .seconds(1))
    }
}
