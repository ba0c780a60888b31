internal import Logging
internal import Synchronization
internal import Waiting

/// What libnats' callback thread reports.
extension ConnectionCore {
    func connectionLost() {
        let handlers = state.withLock { state -> [any SubscriptionHandler]? in
            guard state.isRunning, state.setStatus(.reconnecting) else { return nil }
            return state.subscriptions.values.map(\.handler)
        }
        guard let handlers else { return }
        logger.warning("lost the connection to NATS, reconnecting", metadata: serversMetadata)
        for handler in handlers { handler.connectionLost() }
    }

    func connectionRestored(to server: ServerIdentity) {
        struct Change {
            let handlers: [any SubscriptionHandler]
            let isNews: Bool
            let isNewServer: Bool
        }
        let change = state.withLock { state -> Change? in
            guard state.isRunning else { return nil }
            state.maximumPayload = server.maximumPayload
            state.hasReportedDrop = false
            defer { state.serverID = server.id }
            return Change(
                handlers: state.subscriptions.values.map(\.handler),
                isNews: state.setStatus(.connected),
                isNewServer: state.serverID.map { $0 != server.id } ?? false
            )
        }
        guard let change else { return }
        if change.isNews { logger.notice("connected to NATS", metadata: serversMetadata) }
        for handler in change.handlers { handler.connectionRestored(isNewServer: change.isNewServer) }
    }

    /// libnats has given up this connection; the writer opens another one unless it was asked to stop.
    func connectionClosed() {
        state.withLock {
            $0.handleIsClosed = true
            $0.unparkWriter()
        }
        writerSignal.signal()
    }

    /// Finds the requests or the subscription that a permission error is about, by the subject in its text.
    ///
    /// The text is `Permissions Violation for Publish to "order.created"`, or `… for Subscription to "…"`.
    func permissionDenied(_ text: String) {
        state.withLock { $0.permissionDenials += 1 }
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        let subject = parts.count > 1 ? String(parts[1]) : ""
        let error = NATSError(
            .permissionDenied,
            "the NATS server refuses it: \(text). Grant the permission to this user or use another subject"
        )
        if text.lowercased().contains("subscription") {
            let refused = state.withLock { $0.subscriptions.values.filter { $0.subject == subject } }
            for registration in refused { registration.handler.ended(error) }
        } else {
            let (refused, handlers) = state.withLock { state in
                let ids = state.requests.filter { $0.value.subject == subject }.map(\.key)
                let refused = ids.compactMap { state.requests.removeValue(forKey: $0) }
                return (refused, state.subscriptions.values.map(\.handler))
            }
            for request in refused { request.fail(error) }
            for handler in handlers { handler.publishRefused(to: subject, error) }
        }
        logger.warning("NATS refused a subject", metadata: ["nats.error": "\(text)"])
    }

    func errorReported(_ text: String, isSlowConsumer: Bool = false) {
        if isSlowConsumer { counters.addDropped(1) }
        state.withLock { $0.errors += 1 }
        logger.warning("NATS reported an error", metadata: ["nats.error": "\(text)"])
    }

    /// The servers without user information, for logs.
    var serversMetadata: Logger.Metadata {
        let urls = configuration.servers.compactMap { try? ServerAddress($0).url }
        return ["nats.servers": "\(urls.joined(separator: ","))"]
    }
}
