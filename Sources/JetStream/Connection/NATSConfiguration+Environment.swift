extension NATSConfiguration {
    /// Creates a configuration from environment variables; an empty variable counts as unset.
    ///
    /// | variable | meaning | default |
    /// |---|---|---|
    /// | `NATS_URL` | server URLs, separated by commas | `nats://127.0.0.1:4222` |
    /// | `NATS_USER`, `NATS_PASSWORD` | user and password | |
    /// | `NATS_TOKEN` | token | |
    /// | `NATS_CREDENTIALS` | path of a credentials file | |
    /// | `NATS_NKEY`, `NATS_NKEY_SEED_FILE` | public key and path of its seed | |
    /// | `NATS_CA` | path of the PEM file with trusted authorities | system |
    /// | `NATS_INBOX_PREFIX` | prefix of reply subjects | `_INBOX` |
    /// | `NATS_ALLOW_UNSAFE_TLS` | `true` allows `tls://` with libnats < 3.11 | `false` |
    ///
    /// - Throws: `NATSError` with `.invalidConfiguration` that names the variable and the reason.
    public init(environment: [String: String]) throws(NATSError) {
        func value(_ key: String) -> String? {
            environment[key].flatMap { $0.isEmpty ? nil : $0 }
        }
        func refuse(_ key: String, _ reason: String) -> NATSError {
            NATSError(.invalidConfiguration, "\(key) \(reason)")
        }

        self.init()
        if let urls = value("NATS_URL") {
            servers = urls.split(separator: ",", omittingEmptySubsequences: false).map(\.trimmed)
        }
        for server in servers {
            do {
                _ = try ServerAddress(server)
            } catch {
                throw refuse("NATS_URL", "is refused: \(error.message)")
            }
        }

        let user = value("NATS_USER")
        let password = value("NATS_PASSWORD")
        let nkey = value("NATS_NKEY")
        let seedFile = value("NATS_NKEY_SEED_FILE")
        if user == nil, password != nil { throw refuse("NATS_PASSWORD", "is set without NATS_USER") }
        if user != nil, password == nil { throw refuse("NATS_USER", "is set without NATS_PASSWORD") }
        if nkey == nil, seedFile != nil {
            throw refuse("NATS_NKEY_SEED_FILE", "is set without NATS_NKEY, the public key (U…) of the seed")
        }
        if nkey != nil, seedFile == nil { throw refuse("NATS_NKEY", "is set without NATS_NKEY_SEED_FILE") }

        var found: [(key: String, credentials: Credentials)] = []
        if let user, let password { found.append(("NATS_USER", .password(user: user, password: password))) }
        if let token = value("NATS_TOKEN") { found.append(("NATS_TOKEN", .token(token))) }
        if let path = value("NATS_CREDENTIALS") { found.append(("NATS_CREDENTIALS", .file(path))) }
        if let nkey, let seedFile { found.append(("NATS_NKEY", .nkey(publicKey: nkey, seedFile: seedFile))) }
        if found.count > 1 {
            throw refuse(found[1].key, "and \(found[0].key) are both set; choose one kind of credentials")
        }
        if let only = found.first { credentials = only.credentials }

        trustedCertificatesFile = value("NATS_CA")
        if let prefix = value("NATS_INBOX_PREFIX") { inboxPrefix = prefix }
        switch value("NATS_ALLOW_UNSAFE_TLS")?.lowercased() {
        case nil, "false": allowUnsafeTLS = false
        case "true": allowUnsafeTLS = true
        case .some(let other): throw refuse("NATS_ALLOW_UNSAFE_TLS", "must be true or false, not '\(other)'")
        }
        do {
            try validate()
        } catch  where error.code == .insecureTLS {
            throw NATSError(.insecureTLS, "NATS_URL: \(error.message) (NATS_ALLOW_UNSAFE_TLS=true allows it)")
        }
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
