extension PostgresConfiguration {
    /// The keywords and values for libpq ("Parameter Key Words", libpq documentation).
    var connectionParameters: [(keyword: String, value: String)] {
        var parameters = [
            ("host", host),
            ("port", String(port)),
            ("dbname", database),
            ("user", user),
            ("application_name", applicationName),
            ("sslmode", sslMode.rawValue),
            ("client_encoding", "UTF8"),
            // A Kerberos exchange would block the poller's thread.
            ("gssencmode", "disable"),
            ("keepalives", "1"),
            ("keepalives_idle", String(max(1, keepaliveIdle.milliseconds / 1_000))),
            ("keepalives_interval", String(max(1, keepaliveIdle.milliseconds / 3_000))),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", String(tcpUserTimeout.milliseconds)),
            ("options", sessionOptions),
        ]
        if let password { parameters.append(("password", password)) }
        return parameters
    }

    /// Server settings of every session.
    private var sessionOptions: String {
        let settings: [(name: String, value: Int64)] = [
            ("statement_timeout", statementTimeout.milliseconds),
            ("lock_timeout", lockTimeout.milliseconds),
            ("idle_in_transaction_session_timeout", idleInTransactionTimeout.milliseconds),
            // The server then notices within two seconds that the client has dropped a statement's connection.
            ("client_connection_check_interval", 2_000),
        ]
        return settings.map { "-c \($0.name)=\($0.value)" }.joined(separator: " ")
    }
}

extension Duration {
    /// Whole milliseconds, which are the server's unit.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }

    /// Whole nanoseconds, up to 292 years.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? (seconds < 0 ? .min : .max) : product.addingClamped(attoseconds / 1_000_000_000)
    }
}

extension Int64 {
    /// The sum, or the nearest representable number.
    func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
