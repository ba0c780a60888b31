import Foundation
import Observability
import SwiftProtobuf
import Testing
import TraceBackend

@testable import OTLPExporter

@Suite("OTLP/HTTP exporter")
struct OTLPHTTPSpanExporterTests {
    private func names(_ request: ReceivedRequest) throws -> [String] {
        try OTLPExportTraceServiceRequest(serializedBytes: request.body)
            .resourceSpans.flatMap(\.scopeSpans).flatMap(\.spans).map(\.name)
    }

    @Test("posts protobuf with the standard headers and its own ones, over one connection")
    func request() async throws {
        let server = try ScriptedHTTPServer()
        let exporter = try makeExporter(server.url) {
            $0.headers = [.init(name: "Authorization", value: "Bearer x"), .init(name: "Empty", value: "")]
        }
        for number in 1...3 {
            #expect(await exporter.export([makeSpan(UInt64(number))]) == SpanExportResult(exported: 1))
        }
        #expect(server.requests.count == 3)
        #expect(server.connections == 1)
        let request = try #require(server.requests.first)
        #expect(request.method == "POST")
        #expect(request.target == "/v1/traces")
        #expect(request.headers["content-type"] == "application/x-protobuf")
        #expect(request.headers["user-agent"] == OTLPHTTPSpanExporter.userAgent)
        #expect(request.headers["authorization"] == "Bearer x")
        #expect(request.headers["empty"] == "")
        #expect(request.headers["expect"] == nil)
        #expect(try names(request) == ["work"])
    }

    @Test("sends nothing for no spans")
    func empty() async throws {
        let server = try ScriptedHTTPServer()
        #expect(try await makeExporter(server.url).export([]) == SpanExportResult(exported: 0))
        #expect(server.connections == 0)
    }

    @Test("compresses with gzip")
    func gzip() async throws {
        let server = try ScriptedHTTPServer()
        let exporter = try makeExporter(server.url) { $0.compression = .gzip }
        let spans = (1...200).map { makeSpan($0, name: "operation \($0)") }
        for _ in 0..<2 { #expect(await exporter.export(spans).exported == 200) }
        for request in server.requests {
            #expect(request.headers["content-encoding"] == "gzip")
            let expected = try #require(OTLPEncoder().encoded(spans))
            #expect(request.body.count < expected.count / 2)
            #expect(try gunzip(request.body) == expected)
        }
        #expect(server.requests.count == 2)
    }

    @Test("repeats after 429, 502, 503 and 504 until it succeeds")
    func retry() async throws {
        let server = try ScriptedHTTPServer(.status(503), .status(502), .status(504), .status(429))
        #expect(try await makeExporter(server.url).export([makeSpan(1)]) == SpanExportResult(exported: 1))
        #expect(server.requests.count == 5)
        #expect(Set(server.requests.map(\.body)).count == 1)
    }

    @Test("waits the seconds of Retry-After, and forgets them afterwards")
    func retryAfterSeconds() async throws {
        let server = try ScriptedHTTPServer(.status(429, headers: ["Retry-After": "2"]), .status(503))
        let (result, start, end) = try await makeExporter(server.url).timedExport([makeSpan(1)])
        #expect(result.exported == 1)
        #expect((.seconds(2)..<(.milliseconds(3900))).contains(end - start))
        #expect(server.requests.count == 3)
    }

    @Test("waits until the date of Retry-After")
    func retryAfterDate() async throws {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        // Whole seconds: three from now are between two and three away, less the time until the test gets its turn.
        let date = formatter.string(from: Date(timeIntervalSinceNow: 3))
        let server = try ScriptedHTTPServer(.status(429, headers: ["Retry-After": date]))
        let (result, start, end) = try await makeExporter(server.url).timedExport([makeSpan(1)])
        #expect(result.exported == 1)
        #expect((.seconds(1)..<(.seconds(6))).contains(end - start))
        #expect(server.requests.count == 2)
    }

    @Test("gives up at once when the server wants to be left alone beyond the deadline")
    func retryAfterBeyondDeadline() async throws {
        let server = try ScriptedHTTPServer(.status(429, headers: ["Retry-After": "3600"]))
        let (result, start, end) = try await makeExporter(server.url).timedExport([makeSpan(1)], within: .seconds(15))
        #expect(result == SpanExportResult(exported: 0, failed: 1, errorType: "429"))
        #expect(end - start < .seconds(5))
    }

    @Test("leaves the server alone for the next batches too, when it wants that")
    func retryAfterForLaterBatches() async throws {
        let server = try ScriptedHTTPServer(.status(503, headers: ["Retry-After": "4"]))
        let exporter = try makeExporter(server.url)
        let (first, start, _) = await exporter.timedExport([makeSpan(1)], within: .seconds(1))
        #expect(first.errorType == "503")
        let (second, _, _) = await exporter.timedExport([makeSpan(2)], within: .seconds(1))
        #expect(second == SpanExportResult(exported: 0, failed: 1, errorType: "503"))
        #expect(server.requests.count == 1)
        let (third, _, end) = await exporter.timedExport([makeSpan(3)], within: .seconds(30))
        #expect(third.exported == 1)
        #expect(end - start >= .seconds(3.9))
        #expect(server.requests.count == 2)
    }

    @Test(
        "gives a final answer no second chance",
        arguments: [301, 302, 307, 308, 400, 401, 403, 404, 413, 415, 500, 501]
    )
    func final(status: Int) async throws {
        let server = try ScriptedHTTPServer(.status(status, headers: ["Location": "/elsewhere"]))
        let result = try await makeExporter(server.url).export([makeSpan(1), makeSpan(2)])
        #expect(result == SpanExportResult(exported: 0, failed: 2, errorType: "\(status)"))
        #expect(server.requests.count == 1)
    }

    @Test("counts what the backend refused of a batch, and does not send it again")
    func partialSuccess() async throws {
        let body = try OTLPExportTraceServiceResponse.with {
            $0.partialSuccess = .with {
                $0.rejectedSpans = 2
                $0.errorMessage = "too old"
            }
        }.serializedData()
        let reply = Reply.status(200, headers: ["Content-Type": "application/x-protobuf"], body: Array(body))
        let server = try ScriptedHTTPServer(reply)
        let log = LogRecorder()
        let result = try await makeExporter(server.url, logger: log.logger).export((1...5).map { makeSpan($0) })
        #expect(result == SpanExportResult(exported: 3, failed: 2, errorType: "rejected"))
        #expect(server.requests.count == 1)
        #expect(log.lines.count == 1)
        #expect(log.lines.first?.contains("too old") == true)
    }

    @Test("tries again when nobody listens, and says so at the deadline")
    func refused() async throws {
        let server = try LoopbackServer { _ in }
        let url = "http://127.0.0.1:\(server.port)"
        server.stop()
        let (result, start, end) = try await makeExporter(url) {
            $0.initialBackoff = .milliseconds(300)
            $0.maximumBackoff = .milliseconds(300)
        }.timedExport([makeSpan(1)], within: .seconds(2))
        #expect(result.failed == 1)
        // On a busy machine the deadline may find the last attempt before the kernel has refused it.
        #expect(["connect", "timeout"].contains(result.errorType))
        #expect((.seconds(1)..<(.seconds(5))).contains(end - start))
    }

    @Test("tries again when the connection breaks")
    func brokenConnection() async throws {
        let server = try ScriptedHTTPServer(.hangUp, .raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"))
        #expect(try await makeExporter(server.url).export([makeSpan(1)]) == SpanExportResult(exported: 1))
        #expect(server.requests.count == 3)
    }

    @Test("ends at the configured time-out, repetitions included")
    func timeout() async throws {
        let server = try ScriptedHTTPServer(.status(503), .silence)
        let exporter = try makeExporter(server.url) { $0.timeout = .milliseconds(500) }
        let (result, start, end) = await exporter.timedExport([makeSpan(1)])
        #expect(result == SpanExportResult(exported: 0, failed: 1, errorType: "timeout"))
        #expect((.milliseconds(500)..<(.seconds(4))).contains(end - start))
        #expect(server.requests.count == 2)
    }

    @Test("ends at the deadline of the export", arguments: [Duration.zero, .seconds(10)])
    func deadline(timeout: Duration) async throws {
        let server = try ScriptedHTTPServer(.silence)
        let exporter = try makeExporter(server.url) { $0.timeout = timeout }
        let (result, start, end) = await exporter.timedExport([makeSpan(1)], within: .milliseconds(500))
        #expect(result == SpanExportResult(exported: 0, failed: 1, errorType: "timeout"))
        #expect((.milliseconds(500)..<(.seconds(4))).contains(end - start))
        #expect(server.requests.count == 1)
    }

    @Test("refuses a response of more than 4 MiB and does not repeat the request")
    func largeResponse() async throws {
        let server = try ScriptedHTTPServer(.status(200, body: [UInt8](repeating: 0, count: 5 << 20)))
        let result = try await makeExporter(server.url).export([makeSpan(1)])
        #expect(result == SpanExportResult(exported: 0, failed: 1, errorType: "too_large"))
        #expect(server.requests.count == 1)
    }

    @Test("splits a batch that is too long for one request, and drops a span that is")
    func splitting() async throws {
        let server = try ScriptedHTTPServer()
        let exporter = try makeExporter(server.url) { $0.requestLimit = 4000 }
        var spans = (1...20).map { number in
            makeSpan(number, name: "\(number)", attributes: ["text": .string(String(repeating: "x", count: 500))])
        }
        spans[7].attributes["huge"] = .string(String(repeating: "y", count: 5000))
        let result = await exporter.export(spans)
        #expect(result == SpanExportResult(exported: 19, failed: 1, errorType: "too_large"))
        #expect(server.requests.count > 3)
        #expect(server.requests.allSatisfy { $0.body.count <= 4000 })
        let sent = try server.requests.flatMap(names)
        #expect(sent == (1...20).filter { $0 != 8 }.map { "\($0)" })
    }

    @Test("says at most once in a while that spans are lost, and never a header's value")
    func logging() async throws {
        let server = try ScriptedHTTPServer(.status(400), .status(400), .status(400))
        let log = LogRecorder()
        let exporter = try makeExporter(server.url, logger: log.logger) {
            $0.headers = [.init(name: "Authorization", value: "Bearer secret")]
        }
        for _ in 0..<3 { #expect(await exporter.export([makeSpan(1)]).failed == 1) }
        #expect(log.lines.count == 1)
        #expect(log.lines.first?.contains("400") == true)
        #expect(!log.lines.joined().contains("secret"))
    }
}

/// Decompresses with the gzip tool, so that no code of ours judges itself.
private func gunzip(_ bytes: [UInt8]) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc"]
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    try input.fileHandleForWriting.write(contentsOf: Data(bytes))
    try input.fileHandleForWriting.close()
    let decompressed = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return Array(decompressed)
}
