internal import CCurl

/// Why a request has no response, or a message was not taken.
///
/// Descriptions name no user, password, address or content: they may go to logs.
public struct CurlError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: Hashable {
            case invalidRequest, timeout, connect, tls, authentication, rejected, connectionLost, tooLarge
            case redirects, cancelled, shutdown, unavailable
        }

        private let value: Value

        /// The request cannot be sent as it is; it was not sent.
        public static let invalidRequest = Code(value: .invalidRequest)
        /// The time was up. The server may have done what was asked.
        public static let timeout = Code(value: .timeout)
        /// No connection was made: the name is unknown, or nobody listens.
        public static let connect = Code(value: .connect)
        /// The connection is not as secure as it has to be.
        public static let tls = Code(value: .tls)
        /// The server did not take the user and password.
        public static let authentication = Code(value: .authentication)
        /// An SMTP server refused; ``CurlError/status`` is its reply code.
        public static let rejected = Code(value: .rejected)
        /// The connection broke, or the peer does not speak the protocol. The server may have done what was asked.
        public static let connectionLost = Code(value: .connectionLost)
        /// The response is longer than the request allows.
        public static let tooLarge = Code(value: .tooLarge)
        /// There were more redirects than the request allows.
        public static let redirects = Code(value: .redirects)
        /// The task was cancelled. The server may have done what was asked.
        public static let cancelled = Code(value: .cancelled)
        /// The client was shut down before the request had ended.
        public static let shutdown = Code(value: .shutdown)
        /// libcurl could not be started.
        public static let unavailable = Code(value: .unavailable)

        /// The name, fit for an `error.type`.
        public var description: String { "\(value)" }
    }

    /// What kind of failure it is.
    public let code: Code
    /// The SMTP reply code, when the server refused: 4xx may pass later, 5xx does not.
    public let status: Int?
    /// What happened and what to do.
    public let message: String

    init(_ code: Code, _ message: String, status: Int? = nil) {
        self.code = code
        self.message = message
        self.status = status
    }

    /// What happened and what to do.
    public var description: String { "\(code): \(message)" }
}

extension CurlError {
    /// Creates the error of a transfer that failed.
    ///
    /// - Parameters:
    ///   - result: libcurl's result.
    ///   - status: The last reply code of the server, 0 without one.
    ///   - isMail: Whether the protocol is SMTP, where libcurl reports a refusal as a failure.
    init(_ result: CURLcode, status: Int, isMail: Bool) {
        let text = String(cString: curl_easy_strerror(result))
        switch result {
        case CURLE_OPERATION_TIMEDOUT: self.init(.timeout, "the time was up")
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT: self.init(.connect, text)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_USE_SSL_FAILED, CURLE_SSL_INVALIDCERTSTATUS:
            self.init(.tls, text)
        case CURLE_LOGIN_DENIED:
            self.init(.authentication, "the server did not take the credentials", status: status == 0 ? nil : status)
        case CURLE_WRITE_ERROR, CURLE_FILESIZE_EXCEEDED:
            self.init(.tooLarge, "the response is longer than the request allows")
        case CURLE_TOO_MANY_REDIRECTS: self.init(.redirects, text)
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT: self.init(.invalidRequest, text)
        case _ where isMail && (400...599).contains(status):
            self.init(.rejected, "the mail server refused the message with \(status)", status: status)
        default: self.init(.connectionLost, text)
        }
    }
}
