internal import CCurl

/// A libcurl easy handle that posts one batch after the other to the same place, over a connection that is kept.
///
/// Not for two threads at once.
final class CurlRequest {
    /// The most that a response may have (OTLP 1.11, "OTLP/HTTP Response").
    static let responseLimit = 4 << 20

    private let handle: UnsafeMutableRawPointer
    /// libcurl reads the list during transfers.
    private let headers: CurlList
    private let response = ResponseBody(limit: CurlRequest.responseLimit)
    /// The status of the response to the last request, `nil` when there was none.
    private(set) var status: Int?

    init(_ configuration: OTLPExporterConfiguration) throws(OTLPExporterError) {
        guard let handle = curl_easy_init() else { throw .unavailable("libcurl could not be started") }
        self.handle = handle
        headers = CurlList()
        headers.append("Content-Type: application/x-protobuf")
        // libcurl would wait up to a second for a server that does not know `Expect: 100-continue`.
        headers.append("Expect:")
        if configuration.compression == .gzip { headers.append("Content-Encoding: gzip") }
        for header in configuration.headers {
            // A semicolon is libcurl's way to say that the value is empty.
            headers.append(header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)")
        }
        try setUp(configuration)
    }

    deinit {
        curl_easy_cleanup(handle)
    }

    private func setUp(_ configuration: OTLPExporterConfiguration) throws(OTLPExporterError) {
        var codes = [
            ccurl_set_threaded(handle),
            ccurl_bypass_proxy_here(handle),
            ccurl_allow_http(handle),
            ccurl_set_string(handle, CURLOPT_URL, configuration.endpoint),
            ccurl_set_string(handle, CURLOPT_USERAGENT, OTLPHTTPSpanExporter.userAgent),
            ccurl_set_list(handle, CURLOPT_HTTPHEADER, headers.first),
            ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0),
            ccurl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1),
            // The handle and what it points to live in this object, so the context outlives every transfer.
            ccurl_set_writer(handle, receiveBody, Unmanaged.passUnretained(response).toOpaque()),
        ]
        if let path = configuration.certificateFile {
            codes.append(ccurl_set_string(handle, CURLOPT_CAINFO, path))
            // The folder of the system's authorities would be trusted too.
            codes.append(ccurl_set_string(handle, CURLOPT_CAPATH, nil))
        }
        if let path = configuration.clientCertificateFile {
            codes.append(ccurl_set_string(handle, CURLOPT_SSLCERT, path))
        }
        if let path = configuration.clientKeyFile { codes.append(ccurl_set_string(handle, CURLOPT_SSLKEY, path)) }
        if let failure = codes.first(where: { $0 != CURLE_OK }) {
            throw .unavailable("libcurl refuses an option: \(String(cString: curl_easy_strerror(failure)))")
        }
    }

    /// Forgets the last request.
    func reset() {
        status = nil
    }

    /// Sends a body and waits for the answer.
    ///
    /// - Parameters:
    ///   - body: The bytes.
    ///   - multi: Runs the transfer.
    ///   - deadline: Until when it may go on; asked for again after each wake-up.
    /// - Returns: What became of the request, or `nil` when the time was up.
    func post(
        _ body: UnsafeRawBufferPointer,
        on multi: CurlMulti,
        until deadline: () -> ContinuousClock.Instant
    ) -> OTLPResponse.Outcome? {
        response.reset()
        status = nil
        guard ccurl_set_body(handle, body.baseAddress, curl_off_t(body.count)) == CURLE_OK else {
            return .failed(ExportFailure(CURLE_OUT_OF_MEMORY))
        }
        guard let code = multi.perform(handle, until: deadline) else { return nil }
        guard code == CURLE_OK else { return .failed(ExportFailure(code)) }
        var status = 0
        ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        self.status = status
        var contentType: UnsafePointer<CChar>?
        ccurl_get_string(handle, CURLINFO_CONTENT_TYPE, &contentType)
        // Understands both forms of the header: seconds and an HTTP date.
        var retryAfter: curl_off_t = 0
        ccurl_get_offset(handle, CURLINFO_RETRY_AFTER, &retryAfter)
        let answer = OTLPResponse(
            status: status,
            contentType: contentType.map { String(cString: $0) },
            retryAfter: retryAfter > 0 ? .seconds(retryAfter) : nil,
            body: response.bytes
        )
        return answer.outcome
    }
}

/// A list of texts as libcurl wants it.
final class CurlList {
    private(set) var first: UnsafeMutablePointer<curl_slist>?

    deinit {
        curl_slist_free_all(first)
    }

    /// Adds a copy of the text; without memory the list stays as it is.
    func append(_ text: String) {
        if let longer = curl_slist_append(first, text) { first = longer }
    }
}

/// Collects a response up to a limit. Only touched by the thread that runs the transfer.
private final class ResponseBody {
    private let limit: Int
    private(set) var bytes: [UInt8] = []

    init(limit: Int) {
        self.limit = limit
    }

    func reset() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= 64 << 10)
    }

    func append(_ part: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count + part.count <= limit else { return false }
        bytes.append(contentsOf: part)
        return true
    }
}

/// libcurl's write callback: any other count than the one it gave ends the transfer with `CURLE_WRITE_ERROR`.
private func receiveBody(
    bytes: UnsafeMutablePointer<CChar>?,
    size: Int,
    count: Int,
    context: UnsafeMutableRawPointer?
) -> Int {
    guard let context else { return 0 }
    let body = Unmanaged<ResponseBody>.fromOpaque(context).takeUnretainedValue()
    let part = UnsafeRawBufferPointer(start: bytes, count: size * count)
    return body.append(part) ? part.count : 0
}
