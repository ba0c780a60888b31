internal import Foundation

extension PostgresServer {
    /// Creates a database and the role that owns it, unless they are there.
    ///
    /// - Parameter name: The name of both: lowercase letters, digits and underscores.
    /// - Returns: The environment of a client of the database: `PGHOST`, `PGPORT`, `PGDATABASE`, `PGUSER`, `PGPASSWORD`.
    /// - Throws: ``LocalStackError`` when the name is unsuitable or the server refuses.
    public func ensureDatabase(name: String) async throws -> [String: String] {
        guard Self.isSuitable(databaseName: name) else {
            throw LocalStackError(
                code: .toolFailed,
                message: "'\(name)' is no database name: use lowercase letters, digits and underscores"
            )
        }
        let password = try folder.secret("\(name)-password")
        var environment = try superuserEnvironment()
        // Neither in the arguments, which everybody on the machine can read, nor in the script.
        environment["CONTRAIL_PASSWORD"] = password
        let script = #"""
            \getenv password CONTRAIL_PASSWORD
            SET log_statement = 'none'; SET log_min_error_statement = 'panic';
            SELECT format('CREATE ROLE %I LOGIN', :'name')
              WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
            SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', :'name', :'password') \gexec
            SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'name')
              WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec

            """#
        let psql = Command(
            executable: "\(binaries)/psql",
            arguments: ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=name=\(name)"],
            environment: Self.neutralEnvironment().merging(environment) { $1 }
        )
        try await Tool.runSuccessfully(psql, input: Array(script.utf8), logger: logger)
        return clientEnvironment(database: name, user: name, password: password)
    }

    /// The environment of a client that may do everything, for tests and repairs.
    ///
    /// - Parameter database: The database to connect to.
    /// - Throws: ``LocalStackError`` when the password cannot be read.
    public func superuserEnvironment(database: String = "postgres") throws -> [String: String] {
        clientEnvironment(
            database: database,
            user: Self.superuser,
            password: try folder.secret(Self.superuserPassword)
        )
    }

    static func isSuitable(databaseName name: String) -> Bool {
        name.wholeMatch(of: /[a-z_][a-z0-9_]{0,62}/) != nil && name != superuser
    }

    private func clientEnvironment(database: String, user: String, password: String) -> [String: String] {
        [
            "PGHOST": "127.0.0.1", "PGPORT": String(port), "PGDATABASE": database, "PGUSER": user,
            "PGPASSWORD": password,
        ]
    }

    /// This process's environment without the variables that libpq and PostgreSQL's programs obey.
    static func neutralEnvironment() -> [String: String] {
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PG") }
        environment["LC_ALL"] = "C.UTF-8"
        return environment
    }
}
