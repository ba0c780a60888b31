internal import HTTPTransport

/// The requests that the enricher makes.
struct OutgoingHTTP: Sendable {
    /// Why there is no answer, without addresses: those of receivers may hold secrets.
    struct Failure: Error, CustomStringConvertible {
        let isLate: Bool
        let description: String
    }

    /// The most bytes of an answer: thousands of exemplars, and read in a tenth of a second.
    static let answerLimit = 4 << 20

    private let client: CurlClient

    /// Starts a client.
    init() throws(AlertEnricherError) {
        do {
            client = try CurlClient()
        } catch {
            throw AlertEnricherError(.unavailable, "no HTTP client: \(error.message)", cause: error)
        }
    }

    /// Ends what is under way, and the client's thread.
    func shutdown() async {
        await client.shutdown()
    }

    func get(_ url: String, timeout: Duration) async throws(Failure) -> (status: Int, body: [UInt8]) {
        try await send(
            HTTPRequest(
                url: url,
                headers: ["Accept": "application/json"],
                timeout: timeout,
                maximumResponseBytes: Self.answerLimit
            )
        )
    }

    func post(
        _ url: String,
        json: [UInt8],
        bearer: String?,
        timeout: Duration
    ) async throws(Failure) -> (status: Int, body: [UInt8]) {
        var request = HTTPRequest(
            "POST",
            url: url,
            headers: ["Content-Type": "application/json"],
            body: json,
            timeout: timeout,
            maximumResponseBytes: Self.answerLimit
        )
        if let bearer { request.headers["Authorization"] = "Bearer \(bearer)" }
        return try await send(request)
    }

    private func send(_ request: HTTPRequest) async throws(Failure) -> (status: Int, body: [UInt8]) {
        do {
            let response = try await client.send(request)
            return (response.status, response.body)
        } catch {
            throw Failure(isLate: error.code == .timeout, description: error.message)
        }
    }
}
