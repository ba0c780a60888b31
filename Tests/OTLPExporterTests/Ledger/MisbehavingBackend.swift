import Foundation
import SwiftProtobuf
import Synchronization
import TestKit
import TraceBackend

/// A backend that does to each request what a seed says, and knows which spans it has truly taken.
final class MisbehavingBackend: Sendable {
    /// What it does to one request.
    enum Conduct: String, Sendable, CaseIterable {
        /// Takes the spans.
        case takes
        /// Takes them all but some, and says how many.
        case refusesSome
        /// 429 with a wait in seconds.
        case overloaded
        /// 503 with a wait until a time of day.
        case away
        /// 503 without a word about when.
        case failing
        /// 500, which is final.
        case broken
        /// Ends the connection without an answer.
        case hangsUp
        /// Ends it in the middle of an answer.
        case breaksOff
        /// Reads the request and never answers.
        case silent
        /// Answers a byte at a time.
        case drips
    }

    private struct State {
        var generator: SeededGenerator
        var accepted = 0
        var conducts: [Conduct: Int] = [:]
    }

    private let state: Mutex<State>
    private let server = Mutex<LoopbackServer?>(nil)

    init(seed: UInt64) throws {
        state = Mutex(State(generator: SeededGenerator(seed: seed)))
        let server = try LoopbackServer { [weak self] connection in
            while let self, let request = connection.readRequest(), self.serve(request, on: connection) {}
        }
        self.server.withLock { $0 = server }
    }

    deinit {
        server.withLock { $0?.stop() }
    }

    var url: String { "http://127.0.0.1:\(server.withLock { $0?.port ?? 0 })" }

    /// The spans that were taken, counted before the answer leaves.
    var accepted: Int { state.withLock { $0.accepted } }

    /// How often it did what.
    var conducts: [Conduct: Int] { state.withLock { $0.conducts } }

    /// - Returns: Whether the connection goes on.
    private func serve(_ request: ReceivedRequest, on connection: LoopbackConnection) -> Bool {
        let count = Self.spans(in: request.body)
        let (conduct, part) = state.withLock { state in
            let conduct = Self.draw(&state.generator)
            let part = Int.random(in: 0...max(0, count - 1), using: &state.generator)
            state.conducts[conduct, default: 0] += 1
            if conduct == .takes { state.accepted += count }
            if conduct == .refusesSome { state.accepted += part }
            return (conduct, part)
        }
        switch conduct {
        case .takes: connection.respond(200)
        case .refusesSome:
            let answer = OTLPExportTraceServiceResponse.with { $0.partialSuccess.rejectedSpans = Int64(count - part) }
            connection.respond(
                200,
                headers: ["Content-Type": "application/x-protobuf"],
                body: (try? answer.serializedBytes()) ?? []
            )
        case .overloaded: connection.respond(429, headers: ["Retry-After": "0"])
        case .away: connection.respond(503, headers: ["Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"])
        case .failing: connection.respond(503)
        case .broken: connection.respond(500)
        case .hangsUp: return false
        case .breaksOff:
            connection.write("HTTP/1.1 503 Away\r\nContent-Length: 100\r\n\r\nno more")
            return false
        case .silent:
            connection.waitForEnd()
            return false
        case .drips:
            connection.write("HTTP/1.1 200 OK\r\nX: ")
            while connection.write([UInt8(ascii: "x")]) { Thread.sleep(forTimeInterval: 0.01) }
            return false
        }
        return true
    }

    private static func draw(_ generator: inout SeededGenerator) -> Conduct {
        switch Int.random(in: 0..<100, using: &generator) {
        case ..<46: .takes
        case ..<58: .refusesSome
        case ..<66: .overloaded
        case ..<72: .away
        case ..<78: .failing
        case ..<85: .broken
        case ..<91: .hangsUp
        case ..<95: .breaksOff
        case ..<98: .silent
        default: .drips
        }
    }

    private static func spans(in body: [UInt8]) -> Int {
        guard let request = try? OTLPExportTraceServiceRequest(serializedBytes: body) else { return 0 }
        return request.resourceSpans.flatMap(\.scopeSpans).map(\.spans.count).reduce(0, +)
    }
}
