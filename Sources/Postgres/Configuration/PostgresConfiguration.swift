/// Where the server is, who connects, and the limits of every connection.
///
/// PostgreSQL 14 or newer is needed. Each limit guards against a way to hang for ever: an unreachable server
/// (`connectTimeout`, `tcpUserTimeout`), a slow statement (`statementTimeout`), a lock (`lockTimeout`), a forgotten
/// transaction (`idleInTransactionTimeout`), and a pool that is used up (`acquireTimeout`).
public struct PostgresConfiguration: Sendable {
    /// The server's host name, address, or the folder of its Unix socket.
    public var host: String
    /// The server's port.
    public var port: Int
    /// The database to use.
    public var database: String
    /// The role to connect as.
    public var user: String
    /// The role's password, if it has one.
    public var password: String?
    /// The name that the server shows for the connections.
    public var applicationName: String
    /// How much of TLS is asked for.
    public var sslMode: SSLMode = .prefer

    /// How long opening a connection may take.
    public var connectTimeout: Duration = .seconds(5)
    /// How long the server lets a statement run.
    public var statementTimeout: Duration = .seconds(10)
    /// How long the server lets a statement wait for a lock.
    public var lockTimeout: Duration = .seconds(5)
    /// How long the server lets a transaction idle before it ends the session.
    public var idleInTransactionTimeout: Duration = .seconds(30)
    /// How long the client waits beyond `statementTimeout` before it gives the connection up.
    ///
    /// The server enforces `statementTimeout` unless it is frozen or unreachable; then this bound holds.
    public var unresponsiveMargin: Duration = .seconds(2)
    /// How long sent bytes may stay unacknowledged before the system ends the connection.
    public var tcpUserTimeout: Duration = .seconds(15)
    /// How long a connection is silent before the system probes it; three probes follow at a third of this interval.
    public var keepaliveIdle: Duration = .seconds(15)

    /// The largest number of connections.
    public var maximumConnections = 8
    /// The largest number of tasks that wait for a connection; further ones are refused at once.
    public var maximumWaiters = 10_000
    /// How long a task waits for a connection.
    public var acquireTimeout: Duration = .seconds(5)
    /// How many prepared statements a connection keeps; the least recently used is dropped first.
    public var maximumPreparedStatements = 256

    /// Creates a configuration with the default limits.
    public init(
        host: String = "127.0.0.1",
        port: Int = 5432,
        database: String,
        user: String = "postgres",
        password: String? = nil,
        applicationName: String
    ) {
        self.host = host
        self.port = port
        self.database = database
        self.user = user
        self.password = password
        self.applicationName = applicationName
    }
}

extension PostgresConfiguration {
    /// How much of TLS is asked for, in the words of libpq's `sslmode` ("SSL Support", libpq documentation).
    ///
    /// Only ``verifyFull`` keeps a man in the middle out.
    public enum SSLMode: String, Sendable, CaseIterable {
        /// Never TLS.
        case disable
        /// TLS only if the server refuses plain text.
        case allow
        /// TLS if the server offers it.
        case prefer
        /// TLS, whoever the server is.
        case require
        /// TLS with a certificate that a trusted authority signed.
        case verifyCA = "verify-ca"
        /// As ``verifyCA``, and the certificate names the host.
        case verifyFull = "verify-full"
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomReflectable {
    /// The target without the password.
    public var description: String { "\(user)@\(host):\(port)/\(database) (sslmode \(sslMode.rawValue))" }

    /// Only the description: `dump` must not show the password either.
    public var customMirror: Mirror { Mirror(self, children: ["target": description]) }
}
