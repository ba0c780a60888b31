internal import CCurl

/// An HTTP request.
public struct HTTPRequest: Sendable, Hashable {
    /// The method, for instance `GET` or `POST`.
    public var method: String
    /// The URL: `http` or `https`, without user and password.
    public var url: String
    /// The header fields.
    public var headers: HTTPFields
    /// The body; empty means none for methods that need none.
    public var body: [UInt8]
    /// How long the request may take, from now to the end of the response.
    public var timeout: Duration
    /// The most bytes of a response's body.
    public var maximumResponseBytes: Int
    /// How many redirects to follow; 0 returns a redirect as the response.
    public var maximumRedirects: Int

    /// Creates a request.
    public init(
        _ method: String = "GET",
        url: String,
        headers: HTTPFields = [:],
        body: [UInt8] = [],
        timeout: Duration = .seconds(10),
        maximumResponseBytes: Int = 1 << 20,
        maximumRedirects: Int = 0
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.maximumResponseBytes = maximumResponseBytes
        self.maximumRedirects = maximumRedirects
    }
}

/// An HTTP response.
public struct HTTPResponse: Sendable, Hashable {
    /// The status code.
    public var status: Int
    /// The header fields.
    public var headers: HTTPFields
    /// The whole body.
    public var body: [UInt8]

    /// Creates a response; tests use it.
    public init(status: Int, headers: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

extension HTTPRequest {
    /// Field names that belong to the client: a caller's own would contradict the body.
    private static let reserved: Set<String> = ["content-length", "transfer-encoding", "expect", "connection"]

    /// Refuses what HTTP does not allow, what would change the meaning of other parts, and other protocols.
    func validate() throws(CurlError) {
        guard Text.isToken(method) else { throw CurlError(.invalidRequest, "the method is not an HTTP token") }
        for field in headers {
            guard Text.isToken(field.name), !Self.reserved.contains(field.name.lowercased()) else {
                throw CurlError(.invalidRequest, "a header has a name that cannot be sent")
            }
            guard Text.isFieldValue(field.value) else {
                throw CurlError(.invalidRequest, "the header \(field.name) has control characters in its value")
            }
        }
        guard timeout > .zero else { throw CurlError(.invalidRequest, "the time-out is not positive") }
        guard maximumResponseBytes >= 0, maximumRedirects >= 0 else {
            throw CurlError(.invalidRequest, "a limit is negative")
        }
        try validateURL()
    }

    /// libcurl's own parser decides, so that nobody understands the URL differently.
    private func validateURL() throws(CurlError) {
        guard let parts = curl_url() else { throw CurlError(.unavailable, "libcurl has no memory") }
        defer { curl_url_cleanup(parts) }
        guard Text.isFieldValue(url), curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK else {
            throw CurlError(.invalidRequest, "the URL is malformed")
        }
        func part(_ part: CURLUPart) -> String? {
            var text: UnsafeMutablePointer<CChar>?
            guard curl_url_get(parts, part, &text, 0) == CURLUE_OK, let text else { return nil }
            defer { curl_free(text) }
            return String(cString: text)
        }
        guard let scheme = part(CURLUPART_SCHEME), scheme == "http" || scheme == "https" else {
            throw CurlError(.invalidRequest, "the URL is neither http nor https")
        }
        guard part(CURLUPART_USER) == nil, part(CURLUPART_PASSWORD) == nil else {
            throw CurlError(.invalidRequest, "the URL has credentials; use the Authorization header")
        }
    }
}
