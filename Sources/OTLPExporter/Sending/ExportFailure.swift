internal import CCurl

/// Why a request did not deliver its spans.
struct ExportFailure: Hashable {
    /// An `error.type` of low cardinality: a status code or one of the names below.
    var errorType: String
    /// Whether sending the same bytes again may help.
    var isRetryable = false
    /// How long the server asked to be left alone.
    var retryAfter: Duration?
    /// For the log: what the server or libcurl said.
    var detail = ""

    static let timeout = "timeout"
    static let connect = "connect"
    static let rejected = "rejected"
    static let tooLarge = "too_large"
    static let shutdown = "shutdown"
}

extension ExportFailure {
    /// Creates the failure of a transfer that brought no complete answer.
    init(_ code: CURLcode) {
        detail = String(cString: curl_easy_strerror(code))
        switch code {
        case CURLE_OPERATION_TIMEDOUT:
            errorType = Self.timeout
            isRetryable = true
        case CURLE_WRITE_ERROR:
            // Our own callback refused more bytes than a response may have.
            errorType = Self.tooLarge
            detail = "the response is too long"
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE,
            CURLE_PEER_FAILED_VERIFICATION, CURLE_OUT_OF_MEMORY:
            // Ours to repair: a repetition would only repeat it.
            errorType = Self.connect
        default:
            errorType = Self.connect
            isRetryable = true
        }
    }
}
