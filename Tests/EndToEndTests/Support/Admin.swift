import ContrailCLI
import HTTPTransport
import TestKit

/// The admin endpoints of the stack's services.
struct Admin: Sendable {
    let stack: Stack

    init(_ stack: Stack) {
        self.stack = stack
    }

    func port(of service: String) -> Int {
        switch service {
        case "users": stack.configuration.ports.users.admin
        case "orders": stack.configuration.ports.orders.admin
        default: stack.configuration.ports.notifications.admin
        }
    }

    func get(
        _ service: String,
        _ path: String,
        headers: HTTPFields = [:]
    ) async throws -> (status: Int, body: String, contentType: String) {
        try await Self.get("http://127.0.0.1:\(port(of: service))\(path)", headers: headers)
    }

    /// A scrape with exemplars. Services collect them from the first one on.
    func openMetrics(_ service: String) async throws -> String {
        try await get(service, "/metrics", headers: ["Accept": "application/openmetrics-text; version=1.0.0"]).body
    }

    static func get(
        _ url: String,
        headers: HTTPFields = [:]
    ) async throws -> (status: Int, body: String, contentType: String) {
        let client = try CurlClient()
        let request = HTTPRequest(url: url, headers: headers, timeout: .seconds(5), maximumResponseBytes: 8 << 20)
        let result: Result<HTTPResponse, CurlError>
        do {
            result = .success(try await client.send(request))
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        let response = try result.get()
        return (response.status, String(decoding: response.body, as: UTF8.self), response.headers["content-type"] ?? "")
    }

    /// Waits until `/readyz` has a status and its body names something.
    func becomes(_ status: Int, _ service: String, naming name: String) async throws -> Bool {
        try await eventually {
            let answer = try await get(service, "/readyz")
            return answer.status == status && answer.body.contains(name)
        }
    }
}
