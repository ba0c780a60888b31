internal import Foundation
internal import HTTPTransport
internal import TraceBackend

/// Asks a trace backend for a trace, by Jaeger's HTTP API.
struct TraceLookup: Sendable {
    let url: String

    /// Whether the environment names a backend.
    static var isConfigured: Bool {
        !(ProcessInfo.processInfo.environment["CONTRAIL_TRACE_QUERY_URL"] ?? "").isEmpty
    }

    /// The local stack's backend, unless `CONTRAIL_TRACE_QUERY_URL` names a Jaeger.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        let configured = environment["CONTRAIL_TRACE_QUERY_URL"].flatMap { $0.isEmpty ? nil : $0 }
        self.init(url: configured ?? "http://127.0.0.1:16686")
    }

    init(url: String) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    /// Fetches a trace.
    ///
    /// - Returns: The trace, or `nil` when the backend has none with this id.
    /// - Throws: ``Failure`` when the backend cannot be asked or does not answer in Jaeger's form.
    func trace(_ id: String) async throws -> Trace? {
        let client = try CurlClient()
        let request = HTTPRequest(
            url: "\(url)/api/v3/traces/\(id)",
            timeout: .seconds(10),
            maximumResponseBytes: 64 << 20
        )
        let response: HTTPResponse
        do {
            response = try await client.send(request)
        } catch {
            await client.shutdown()
            throw Failure.unavailable(
                "the trace backend at \(url) does not answer: \(error.message)\n"
                    + "Start the stack with “contrail up”, or name a Jaeger in CONTRAIL_TRACE_QUERY_URL."
            )
        }
        await client.shutdown()
        switch response.status {
        case 200: return try Trace(jaegerJSON: response.body)
        case 404: return nil
        default: throw Failure.refused("the trace backend at \(url) answered with status \(response.status)")
        }
    }
}
