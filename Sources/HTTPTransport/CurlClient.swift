internal import Synchronization

/// A client for HTTP and SMTP on libcurl, with one thread of its own for all requests.
///
/// `async` callers wait without holding a thread; libcurl's multi interface runs all transfers on the client's thread
/// and keeps connections between them. A cancelled task's transfer is ended at once. The thread ends with
/// ``shutdown()``, or when the client is released.
public final class CurlClient: Sendable {
    /// What all requests of a client share.
    public struct Configuration: Sendable, Hashable {
        /// The most connections to one host; more requests wait.
        public var maximumConnectionsPerHost = 16
        /// The most connections in all; more requests wait.
        public var maximumConnections = 64
        /// How long making a connection may take.
        public var connectTimeout = Duration.seconds(5)
        /// A PEM file of the authorities to trust; `nil` means the system's.
        public var certificateFile: String?
        /// What the client calls itself in `User-Agent`.
        public var userAgent = "contrail/0.1"

        /// Creates the defaults.
        public init() {}
    }

    private let configuration: Configuration
    private let engine: TransferEngine

    /// Starts the client's thread.
    ///
    /// - Parameter configuration: What all requests share.
    /// - Throws: ``CurlError`` when libcurl cannot be started.
    public init(configuration: Configuration = Configuration()) throws(CurlError) {
        self.configuration = configuration
        engine = try TransferEngine(configuration)
        engine.start()
    }

    deinit {
        engine.stop(.now)
    }

    /// Sends an HTTP request and waits for the whole response.
    ///
    /// Responses of all statuses are returned; only the caller knows which ones are failures.
    ///
    /// - Parameter request: What to send.
    /// - Returns: The response.
    /// - Throws: ``CurlError``; with ``CurlError/Code/cancelled`` when the task is cancelled.
    public func send(_ request: HTTPRequest) async throws(CurlError) -> HTTPResponse {
        try request.validate()
        return try await engine.run(.http(request, configuration)).httpResponse
    }

    /// Hands a message to an SMTP server and waits until the server has taken it for all recipients.
    ///
    /// - Parameters:
    ///   - mail: The message.
    ///   - server: Where to deliver it.
    /// - Throws: ``CurlError``; with ``CurlError/Code/rejected`` and the SMTP reply code when the server refuses the
    ///   sender, a recipient or the message. After ``CurlError/Code/timeout`` the message may have been taken.
    public func send(_ mail: MailMessage, via server: SMTPServer) async throws(CurlError) {
        try server.validate()
        let text = try mail.render()
        let envelope = TransferRequest.Envelope(
            sender: mail.envelopeSender.address,
            recipients: mail.recipients.map(\.address),
            message: text
        )
        _ = try await engine.run(.mail(envelope, server, configuration))
    }

    /// Refuses new requests, waits until the running ones have ended, and ends the thread.
    ///
    /// Running requests end by themselves within their time-outs; cancelling the task that waits here ends them at
    /// once.
    public func shutdown() async {
        await engine.shutdown()
    }
}
