extension PostgresConfiguration {
    /// Creates a configuration from libpq's environment variables ("Environment Variables", libpq documentation).
    ///
    /// `PGHOST` (127.0.0.1), `PGPORT` (5432), `PGDATABASE`, `PGUSER` (postgres), `PGPASSWORD`, `PGSSLMODE` (prefer).
    /// An empty variable counts as missing. Certificates are found as libpq finds them (`PGSSLROOTCERT` and others).
    ///
    /// - Parameters:
    ///   - environment: the variables, usually `ProcessInfo.processInfo.environment`.
    ///   - defaultDatabase: the database to use without `PGDATABASE`.
    ///   - applicationName: the name that the server shows for the connections.
    /// - Throws: ``PostgresError`` with code `.invalidConfiguration` that names the variable.
    public init(
        environment: [String: String],
        defaultDatabase: String,
        applicationName: String
    ) throws {
        func value(_ key: String) -> String? {
            environment[key].flatMap { $0.isEmpty ? nil : $0 }
        }

        self.init(
            host: value("PGHOST") ?? "127.0.0.1",
            database: value("PGDATABASE") ?? defaultDatabase,
            user: value("PGUSER") ?? "postgres",
            password: value("PGPASSWORD"),
            applicationName: applicationName
        )
        if let text = value("PGPORT") {
            guard let port = Int(text), (1...65_535).contains(port) else {
                throw PostgresError(.invalidConfiguration, "PGPORT is \"\(text)\"; a number from 1 to 65535 is needed")
            }
            self.port = port
        }
        if let text = value("PGSSLMODE") {
            guard let mode = SSLMode(rawValue: text) else {
                let known = SSLMode.allCases.map(\.rawValue).joined(separator: ", ")
                throw PostgresError(.invalidConfiguration, "PGSSLMODE is \"\(text)\"; one of \(known) is needed")
            }
            sslMode = mode
        }
    }
}
