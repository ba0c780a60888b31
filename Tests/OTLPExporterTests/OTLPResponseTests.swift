import SwiftProtobuf
import TestKit
import Testing
import TraceBackend

@testable import OTLPExporter

@Suite("OTLP responses")
struct OTLPResponseTests {
    @Test(
        "repeats only 429, 502, 503 and 504",
        arguments: [201, 301, 400, 401, 404, 413, 429, 500, 501, 502, 503, 504]
    )
    func retryable(status: Int) {
        let outcome = OTLPResponse(status: status).outcome
        guard case .failed(let failure) = outcome else {
            #expect(status == 201)
            return
        }
        #expect(failure.isRetryable == [429, 502, 503, 504].contains(status))
        #expect(failure.errorType == "\(status)")
    }

    @Test("reads the backend's words from a google.rpc.Status")
    func statusMessage() throws {
        // code = 8, message = "slow\ndown"
        let body: [UInt8] = [0x08, 8, 0x12, 9] + Array("slow\ndown".utf8)
        let outcome = OTLPResponse(status: 503, contentType: "application/x-protobuf", body: body).outcome
        guard case .failed(let failure) = outcome else {
            Issue.record("503 is a failure")
            return
        }
        #expect(failure.detail == "slow down")
    }

    @Test("does not take JSON for protobuf")
    func json() {
        let response = OTLPResponse(status: 200, contentType: "application/json", body: Array("{}".utf8))
        #expect(response.outcome == .delivered(rejected: 0, warning: ""))
    }

    @Test("survives bytes that are no answer", arguments: 0..<50)
    func hostile(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let valid = try OTLPExportTraceServiceResponse.with {
            $0.partialSuccess = .with {
                $0.rejectedSpans = .max
                $0.errorMessage = String(repeating: "é", count: 1000)
            }
        }.serializedData()
        for _ in 0..<200 {
            var body = Array(valid)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                switch Int.random(in: 0...2, using: &random) {
                case 0: body[Int.random(in: 0..<body.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                case 1: body.removeLast(Int.random(in: 0..<body.count, using: &random))
                default: body.insert(UInt8.random(in: 0...255, using: &random), at: 0)
                }
            }
            for status in [200, 503] {
                switch OTLPResponse(status: status, body: body).outcome {
                case .delivered(let rejected, let warning):
                    #expect(rejected >= 0)
                    #expect(warning.unicodeScalars.count <= 256)
                case .failed(let failure): #expect(failure.detail.unicodeScalars.count <= 256)
                }
            }
        }
    }

    @Test("spends no memory on an answer of nothing but unknown fields")
    func unknownFields() {
        let body = [UInt8](repeating: 0x78, count: OTLPResponse.decodingLimit + 1)
        #expect(OTLPResponse(status: 200, body: body).outcome == .delivered(rejected: 0, warning: ""))
    }
}

@Suite("Retry policy")
struct RetryPolicyTests {
    private let policy = RetryPolicy(initialDelay: .seconds(1), maximumDelay: .seconds(4))

    @Test("grows by half each time, up to the maximum")
    func growth() {
        let delays = (0..<6).map { policy.delay(retry: $0, retryAfter: nil, chance: 0.5) }
        #expect(
            delays == [
                .seconds(1), .milliseconds(1500), .milliseconds(2250), .milliseconds(3375), .seconds(4), .seconds(4),
            ]
        )
    }

    @Test("varies by half in both directions")
    func jitter() {
        #expect(policy.delay(retry: 0, retryAfter: nil, chance: 0) == .milliseconds(500))
        #expect(policy.delay(retry: 0, retryAfter: nil, chance: 1) == .milliseconds(1500))
    }

    @Test("waits as long as the server asked for, but no shorter than the backoff")
    func retryAfter() {
        #expect(policy.delay(retry: 0, retryAfter: .seconds(60), chance: 0.5) == .seconds(60))
        #expect(policy.delay(retry: 9, retryAfter: .seconds(1), chance: 0.5) == .seconds(4))
    }
}
