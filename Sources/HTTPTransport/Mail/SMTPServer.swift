/// Where mail is handed over, and how securely.
public struct SMTPServer: Sendable, Hashable {
    /// How the connection is encrypted.
    public enum Security: String, Sendable, Hashable, CaseIterable {
        /// Not at all.
        case plaintext
        /// With STARTTLS if the server offers it; somebody on the way can prevent it.
        case opportunistic
        /// With STARTTLS, or there is no delivery (RFC 3207).
        case startTLS
        /// From the first byte (RFC 8314).
        case tls
    }

    /// A user and a password. They are never described.
    public struct Credentials: Sendable, Hashable, CustomStringConvertible {
        /// The user.
        public var user: String
        /// The password.
        public var password: String

        /// Creates credentials.
        public init(user: String, password: String) {
            self.user = user
            self.password = password
        }

        /// Nothing of what is in it.
        public var description: String { "(credentials)" }
    }

    /// The host name or address.
    public var host: String
    /// The port, usually 25, 587 (STARTTLS) or 465 (TLS).
    public var port: Int
    /// How the connection is encrypted.
    public var security: Security
    /// Who the client is; only sent encrypted, or to this host.
    public var credentials: Credentials?
    /// What the client calls itself in EHLO; `nil` means the host's name.
    public var clientName: String?
    /// How long one delivery may take.
    public var timeout: Duration

    /// Creates a server's description.
    public init(
        host: String,
        port: Int = 587,
        security: Security = .startTLS,
        credentials: Credentials? = nil,
        clientName: String? = nil,
        timeout: Duration = .seconds(30)
    ) {
        self.host = host
        self.port = port
        self.security = security
        self.credentials = credentials
        self.clientName = clientName
        self.timeout = timeout
    }
}

extension SMTPServer {
    /// The URL that libcurl takes; its path is the name for EHLO.
    var url: String {
        let isBareIPv6 = host.contains(":") && !host.hasPrefix("[")
        return "\(security == .tls ? "smtps" : "smtp")://\(isBareIPv6 ? "[\(host)]" : host):\(port)/\(clientName ?? "")"
    }

    private var isThisHost: Bool {
        ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host.lowercased())
    }

    /// Refuses what would inject commands or reveal the password.
    func validate() throws(CurlError) {
        let bracketed = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        guard Text.isHost(bracketed) else { throw CurlError(.invalidRequest, "the mail server's host is malformed") }
        guard (1...65535).contains(port) else { throw CurlError(.invalidRequest, "the mail server's port is not one") }
        guard clientName.map(Text.isHost) ?? true else {
            throw CurlError(.invalidRequest, "the name for EHLO is not a host name")
        }
        guard timeout > .zero else { throw CurlError(.invalidRequest, "the time-out is not positive") }
        guard let credentials else { return }
        guard security == .startTLS || security == .tls || isThisHost else {
            throw CurlError(.invalidRequest, "credentials are only sent encrypted; use startTLS or tls")
        }
        guard Text.isFieldValue(credentials.user), Text.isFieldValue(credentials.password) else {
            throw CurlError(.invalidRequest, "the credentials have control characters")
        }
    }
}
