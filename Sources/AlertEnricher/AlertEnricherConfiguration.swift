internal import Foundation

/// What an enricher listens on, asks, and passes alerts on to.
public struct AlertEnricherConfiguration: Sendable {
    /// The address to listen on. There is no authentication, so one that only Alertmanager reaches.
    public var host = "127.0.0.1"
    /// The port to listen on; 0 takes a free one.
    public var port = 9094
    /// Prometheus' address.
    public var prometheus = "http://127.0.0.1:9090"
    /// Jaeger's address as the readers of alerts reach it.
    public var jaeger = "http://localhost:16686"
    /// The receiver's address; `nil` passes alerts on to nobody.
    public var forward: String?
    /// A secret for the receiver, sent as `Authorization: Bearer …`.
    public var forwardToken: String?
    /// How long the receiver may take.
    public var forwardTimeout = Duration.seconds(10)
    /// How long before an alert began to look for traces.
    public var window = Duration.seconds(3600)
    /// The most traces of an alert.
    public var traces = 3
    /// How long a notification may be held to find out what is behind it.
    public var timeout = Duration.seconds(5)
    /// What relative addresses of runbooks are below; `nil` leaves them as they are.
    public var runbooks: String?

    /// Creates the defaults.
    public init() {}

    /// Checks everything that can be checked without asking anybody.
    ///
    /// - Throws: ``AlertEnricherError`` with the code `invalidSetting`, which names the setting but shows no secret.
    public func validate() throws(AlertEnricherError) {
        try Self.check("the address of Prometheus", prometheus, allowsQuery: false)
        try Self.check("the address of Jaeger", jaeger, allowsQuery: false)
        if let runbooks { try Self.check("the address of the runbooks", runbooks, allowsQuery: false) }
        // Such addresses often hold a secret in their path.
        if let forward { try Self.check("the receiver's address", forward, allowsQuery: true, isShown: false) }
        if let forwardToken {
            guard forward != nil else { throw Self.invalid("there is a token for a receiver, but no receiver") }
            guard !forwardToken.isEmpty, forwardToken.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw Self.invalid("the token is empty, or has characters that a header cannot have")
            }
        }
        guard (0...65535).contains(port) else { throw Self.invalid("the port must be 0 to 65535") }
        guard (1...20).contains(traces) else { throw Self.invalid("the number of traces must be 1 to 20") }
        guard window > .zero, window <= .seconds(31 * 86_400) else {
            throw Self.invalid("the window must be more than nothing and at most 31 days")
        }
        for (name, timeout) in [("time-out", timeout), ("receiver's time-out", forwardTimeout)] {
            guard timeout > .zero, timeout <= .seconds(60) else {
                throw Self.invalid("the \(name) must be more than nothing and at most a minute")
            }
        }
    }

    var enricher: Enricher.Settings {
        Enricher.Settings(
            window: window,
            traces: traces,
            timeout: timeout,
            jaeger: Self.trimmed(jaeger),
            runbooks: runbooks.map { Self.trimmed($0) }
        )
    }

    var prometheusBase: String { Self.trimmed(prometheus) }

    var receiver: Receiver? {
        forward.map { Receiver(url: $0, bearer: forwardToken, timeout: forwardTimeout) }
    }

    /// The host of the receiver, which may be logged.
    var receiverHost: String? { forward.flatMap { URLComponents(string: $0)?.host } }

    private static func trimmed(_ url: String) -> String {
        var url = url
        while url.hasSuffix("/") { url.removeLast() }
        return url
    }

    private static func check(
        _ name: String,
        _ text: String,
        allowsQuery: Bool,
        isShown: Bool = true
    ) throws(AlertEnricherError) {
        let shown = isShown ? " “\(text)”" : ""
        guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased()),
            parts.host?.isEmpty == false
        else { throw invalid("\(name)\(shown) is not of the form http://host:port") }
        guard parts.user == nil, parts.password == nil else {
            throw invalid("\(name) has a user or a password in it, which end up in logs")
        }
        guard parts.fragment == nil, allowsQuery || parts.query == nil else {
            throw invalid("\(name)\(shown) has parts after its path")
        }
    }

    private static func invalid(_ message: String) -> AlertEnricherError {
        AlertEnricherError(.invalidSetting, message)
    }
}
