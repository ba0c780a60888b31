internal import CCurl

/// A libcurl easy handle: one transfer. For the client's thread only.
final class CurlEasy {
    /// The most bytes that the header of a response may have.
    static let headerLimit = 64 << 10

    let handle: UnsafeMutableRawPointer
    /// Everything that libcurl points to during the transfer lives as long as the handle.
    private let headers = CurlList()
    private let recipients = CurlList()
    private let response: ResponseBuffer
    private let upload: UploadBuffer
    private let isMail: Bool
    private var refusal: CURLcode?

    init?(_ request: TransferRequest) {
        guard let handle = curl_easy_init() else { return nil }
        self.handle = handle
        isMail = request.isMail
        switch request {
        case .http(let request, let configuration):
            response = ResponseBuffer(bodyLimit: request.maximumResponseBytes, headerLimit: Self.headerLimit)
            upload = UploadBuffer(request.body)
            setUp(configuration, timeout: request.timeout)
            setUp(request, configuration)
        case .mail(let envelope, let server, let configuration):
            // A mail server's words are not wanted; replies come in the header callback.
            response = ResponseBuffer(bodyLimit: 0, headerLimit: Self.headerLimit)
            upload = UploadBuffer(envelope.message)
            setUp(configuration, timeout: server.timeout)
            setUp(envelope, server)
        }
        if refusal != nil { return nil }
    }

    deinit {
        curl_easy_cleanup(handle)
    }

    /// What the ended transfer brought.
    func result(_ code: CURLcode) -> Result<TransferResult, CurlError> {
        var status = 0
        ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
        guard code == CURLE_OK else { return .failure(CurlError(code, status: status, isMail: isMail)) }
        return .success(TransferResult(status: status, headers: response.fields, body: response.body))
    }

    private func setUp(_ configuration: CurlClient.Configuration, timeout: Duration) {
        check(ccurl_set_threaded(handle))
        check(ccurl_bypass_proxy_here(handle))
        check(ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, timeout.milliseconds))
        check(ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, configuration.connectTimeout.milliseconds))
        check(ccurl_set_writer(handle, receiveBody, Unmanaged.passUnretained(response).toOpaque()))
        check(ccurl_set_header_writer(handle, receiveHeader, Unmanaged.passUnretained(response).toOpaque()))
        if let path = configuration.certificateFile { check(ccurl_set_string(handle, CURLOPT_CAINFO, path)) }
    }

    private func setUp(_ request: HTTPRequest, _ configuration: CurlClient.Configuration) {
        check(ccurl_allow_http(handle))
        check(ccurl_set_string(handle, CURLOPT_URL, request.url))
        check(ccurl_set_string(handle, CURLOPT_USERAGENT, configuration.userAgent))
        check(ccurl_set_long(handle, CURLOPT_FOLLOWLOCATION, request.maximumRedirects > 0 ? 1 : 0))
        check(ccurl_set_long(handle, CURLOPT_MAXREDIRS, request.maximumRedirects))
        switch request.method {
        case "GET" where request.body.isEmpty: check(ccurl_set_long(handle, CURLOPT_HTTPGET, 1))
        case "HEAD": check(ccurl_set_long(handle, CURLOPT_NOBODY, 1))
        default:
            if !request.body.isEmpty || ["POST", "PUT", "PATCH"].contains(request.method) {
                check(ccurl_set_body(handle, upload.start, curl_off_t(upload.count)))
            }
            if request.method != "POST" { check(ccurl_set_string(handle, CURLOPT_CUSTOMREQUEST, request.method)) }
        }
        // libcurl would call every body a form, and wait for servers that do not know `Expect: 100-continue`.
        if request.headers["Content-Type"] == nil { headers.append("Content-Type:") }
        headers.append("Expect:")
        for field in request.headers {
            // A semicolon is libcurl's way to say that the value is empty.
            headers.append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        check(ccurl_set_list(handle, CURLOPT_HTTPHEADER, headers.first))
    }

    private func setUp(_ envelope: TransferRequest.Envelope, _ server: SMTPServer) {
        check(ccurl_allow_smtp(handle))
        check(ccurl_set_string(handle, CURLOPT_URL, server.url))
        check(ccurl_set_long(handle, CURLOPT_USE_SSL, server.security.useSSL))
        if let credentials = server.credentials {
            check(ccurl_set_string(handle, CURLOPT_USERNAME, credentials.user))
            check(ccurl_set_string(handle, CURLOPT_PASSWORD, credentials.password))
            // The response goes with the AUTH command (RFC 4954 §4), which saves a round trip.
            check(ccurl_set_long(handle, CURLOPT_SASL_IR, 1))
        }
        check(ccurl_set_string(handle, CURLOPT_MAIL_FROM, "<\(envelope.sender)>"))
        for recipient in envelope.recipients { recipients.append("<\(recipient)>") }
        check(ccurl_set_list(handle, CURLOPT_MAIL_RCPT, recipients.first))
        check(ccurl_set_long(handle, CURLOPT_UPLOAD, 1))
        check(ccurl_set_offset(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(upload.count)))
        check(ccurl_set_reader(handle, supplyBody, Unmanaged.passUnretained(upload).toOpaque()))
    }

    private func check(_ code: CURLcode) {
        if code != CURLE_OK { refusal = refusal ?? code }
    }
}

extension SMTPServer.Security {
    fileprivate var useSSL: Int {
        switch self {
        case .plaintext: Int(CURLUSESSL_NONE.rawValue)
        case .opportunistic: Int(CURLUSESSL_TRY.rawValue)
        case .startTLS, .tls: Int(CURLUSESSL_ALL.rawValue)
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded up: libcurl takes 0 for "for ever". A month is as good as longer.
    fileprivate var milliseconds: Int {
        Int(min(max((self / .milliseconds(1)).rounded(.up), 1), 0x1p31 - 1))
    }
}
