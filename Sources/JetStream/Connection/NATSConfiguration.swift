/// How to reach NATS, and how the connection behaves.
///
/// The defaults are the safe profile for libnats 3.4: reconnect for ever, find a dead peer within 15 s, never block on
/// a write for longer than 5 s, send at once instead of waiting a millisecond for company.
public struct NATSConfiguration: Sendable {
    /// Server URLs, `nats://[user[:password]@]host[:port]`; libnats tries them in random order.
    public var servers: [String]
    /// Who this client is; user information in a URL is used when this is `.none`.
    public var credentials: Credentials = .none
    /// The connection name that the server shows.
    public var name = "contrail"
    /// The prefix of reply subjects; give each service its own where permissions allow only that.
    public var inboxPrefix = "_INBOX"
    /// How long one attempt to connect to one server may take.
    public var connectTimeout: Duration = .seconds(2)
    /// The shortest and the longest wait between two attempts to connect; it doubles, with jitter.
    public var reconnectDelay: ClosedRange<Duration> = .milliseconds(250)...(.seconds(2))
    /// How often the server is pinged.
    public var pingInterval: Duration = .seconds(5)
    /// How many unanswered pings mean that the connection is dead.
    public var maximumUnansweredPings = 2
    /// How long one write to the socket may block before the connection counts as dead.
    public var writeDeadline: Duration = .seconds(5)
    /// How many bytes libnats may keep while it reconnects; they are sent afterwards.
    public var reconnectBufferSize = 8 * 1024 * 1024
    /// How many messages may wait for the writer thread before `publish` and `request` wait in turn.
    public var maximumQueuedMessages = 16_384
    /// How many bytes may wait for the writer thread before `publish` and `request` wait in turn.
    public var maximumQueuedBytes = 16 * 1024 * 1024
    /// A PEM file with the authorities that may sign the server's certificate; the system's when `nil`.
    public var trustedCertificatesFile: String?
    /// Whether `tls://` is allowed with a libnats older than 3.11, which uses one TLS object from two threads.
    public var allowUnsafeTLS = false

    /// Shortcuts through libnats, when it is a version that has them.
    var libraryInternals = LibraryInternals.shared

    /// Creates a configuration for servers without credentials.
    public init(servers: [String] = ["nats://127.0.0.1:4222"]) {
        self.servers = servers
    }

    /// How the client proves who it is.
    public struct Credentials: Sendable, CustomStringConvertible {
        enum Method: Sendable {
            case none
            case password(user: String, password: String)
            case token(String)
            case file(String)
            case nkey(publicKey: String, seedFile: String)
        }

        let method: Method

        /// No credentials.
        public static let none = Credentials(method: .none)

        /// A user and a password.
        public static func password(user: String, password: String) -> Credentials {
            Credentials(method: .password(user: user, password: password))
        }

        /// A token.
        public static func token(_ token: String) -> Credentials {
            Credentials(method: .token(token))
        }

        /// A credentials file with a user JWT and its seed (`.creds`).
        public static func file(_ path: String) -> Credentials {
            Credentials(method: .file(path))
        }

        /// A public NKey (`U…`) and the file with its seed; libnats cannot derive one from the other.
        public static func nkey(publicKey: String, seedFile: String) -> Credentials {
            Credentials(method: .nkey(publicKey: publicKey, seedFile: seedFile))
        }

        /// The kind of credentials, never their content.
        public var description: String {
            switch method {
            case .none: "none"
            case .password: "password"
            case .token: "token"
            case .file: "credentials file"
            case .nkey: "nkey"
            }
        }
    }
}

extension NATSConfiguration: CustomStringConvertible {
    /// The servers without user information, and the kind of credentials.
    public var description: String {
        let addresses = servers.map { (try? ServerAddress($0))?.url ?? "(invalid URL)" }
        return "NATSConfiguration(\(addresses.joined(separator: ", ")), credentials: \(credentials))"
    }
}
