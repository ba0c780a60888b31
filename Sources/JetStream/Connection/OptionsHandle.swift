internal import CNATS

/// The `natsOptions` of one attempt to connect; libnats copies them.
final class OptionsHandle {
    private let options: OpaquePointer

    /// Creates options for a configuration.
    ///
    /// `closure` is handed to the connection callbacks. It is a number in a registry, not an object: libnats may call
    /// back from its own thread after the connection has been destroyed.
    init(_ configuration: NATSConfiguration, closure: UnsafeMutableRawPointer?) throws(NATSError) {
        var created: OpaquePointer?
        try check(natsOptions_Create(&created), "create options")
        guard let created else { throw NATSError(.library, "libnats returned no options") }
        options = created
        try apply(configuration)
        try apply(try configuration.effectiveCredentials().method)
        try check(natsOptions_SetDisconnectedCB(options, connectionWasLost, closure), "set a callback")
        try check(natsOptions_SetReconnectedCB(options, connectionWasRestored, closure), "set a callback")
        try check(natsOptions_SetClosedCB(options, connectionWasClosed, closure), "set a callback")
        try check(natsOptions_SetErrorHandler(options, connectionReportedError, closure), "set a callback")
        try check(natsOptions_SetCustomReconnectDelay(options, reconnectDelay, closure), "set a callback")
    }

    deinit {
        natsOptions_Destroy(options)
    }

    /// Lends the pointer; it must not escape.
    func withPointer<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        body(options)
    }

    private func apply(_ configuration: NATSConfiguration) throws(NATSError) {
        var urls: [String] = []
        var usesTLS = false
        for server in configuration.servers {
            let address = try ServerAddress(server)
            usesTLS = usesTLS || address.usesTLS
            urls.append(address.url)
        }
        try check(withCStrings(urls) { natsOptions_SetServers(options, $0, CInt($1)) }, "use the server URLs")
        try check(natsOptions_SetName(options, configuration.name), "set the connection's name")
        try check(natsOptions_SetTimeout(options, configuration.connectTimeout.milliseconds), "set the time-out")
        try check(natsOptions_SetAllowReconnect(options, true), "allow reconnecting")
        try check(natsOptions_SetMaxReconnect(options, -1), "reconnect for ever")
        try check(natsOptions_SetReconnectBufSize(options, CInt(configuration.reconnectBufferSize)), "set a buffer")
        try check(natsOptions_SetPingInterval(options, configuration.pingInterval.milliseconds), "set the ping")
        try check(natsOptions_SetMaxPingsOut(options, CInt(configuration.maximumUnansweredPings)), "set the ping")
        try check(natsOptions_SetWriteDeadline(options, configuration.writeDeadline.milliseconds), "set a deadline")
        // Otherwise a thread of libnats' own sends, after a millisecond; the writer is faster when it can.
        try check(natsOptions_SetSendAsap(options, configuration.libraryInternals == nil), "send at once")
        guard usesTLS else { return }
        try check(natsOptions_SetSecure(options, true), "use TLS")
        if let file = configuration.trustedCertificatesFile {
            let status = natsOptions_LoadCATrustedCertificates(options, file)
            guard status == NATS_OK else {
                throw NATSError(.invalidConfiguration, "'\(file)' is not a file of trusted certificates")
            }
        }
    }

    private func apply(_ credentials: NATSConfiguration.Credentials.Method) throws(NATSError) {
        switch credentials {
        case .none:
            break
        case .password(let user, let password):
            try check(natsOptions_SetUserInfo(options, user, password), "set the user")
        case .token(let token):
            try check(natsOptions_SetToken(options, token), "set the token")
        case .file(let path):
            try requireReadable(path, "credentials file")
            try check(natsOptions_SetUserCredentialsFromFiles(options, path, nil), "use the credentials file")
        case .nkey(let publicKey, let seedFile):
            try requireReadable(seedFile, "NKey seed file")
            try check(natsOptions_SetNKeyFromSeed(options, publicKey, seedFile), "use the NKey seed file")
        }
    }
}
