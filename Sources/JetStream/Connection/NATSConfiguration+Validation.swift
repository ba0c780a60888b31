extension NATSConfiguration {
    /// Refuses what can never work.
    func validate() throws(NATSError) {
        guard !servers.isEmpty else { throw NATSError(.invalidConfiguration, "there is no NATS server to connect to") }
        var addresses: [ServerAddress] = []
        for server in servers { addresses.append(try ServerAddress(server)) }
        if addresses.contains(where: \.usesTLS), !allowUnsafeTLS, !NATSLibrary.hasSafeTLS {
            throw NATSError(
                .insecureTLS,
                "tls:// needs libnats 3.11 or newer, this is \(NATSLibrary.version): it reads and writes one TLS "
                    + "object from two threads. Terminate TLS beside the service, or set allowUnsafeTLS"
            )
        }
        if case .none = credentials.method, Set(addresses.map(\.userInfo)).count > 1 {
            throw NATSError(.invalidConfiguration, "all server URLs must have the same user information")
        }
        do {
            try Subjects.validate(inboxPrefix)
        } catch {
            throw NATSError(.invalidConfiguration, "'\(inboxPrefix)' is not an inbox prefix: it must be a subject")
        }
        guard maximumQueuedMessages > 0, maximumQueuedBytes > 0, reconnectBufferSize > 0 else {
            throw NATSError(.invalidConfiguration, "queue and buffer limits must be positive")
        }
        guard reconnectDelay.lowerBound >= .zero, connectTimeout > .zero, pingInterval > .zero else {
            throw NATSError(.invalidConfiguration, "connect time-out, ping interval and delays must be positive")
        }
    }

    /// The credentials in force: the configured ones, or those of the URLs.
    func effectiveCredentials() throws(NATSError) -> Credentials {
        if case .none = credentials.method, let first = servers.first {
            return try ServerAddress(first).credentials
        }
        return credentials
    }
}
