public import ContrailInstrumentation
internal import Postgres
internal import PostgresEventStore

/// A service's database as parts: the pool, its migrations and its readiness.
public struct ServiceStorage: Sendable {
    /// The traced pool.
    public let pool: PostgresPool
    /// Migrates the database.
    public let preparation: Preparation
    /// Keeps the pool connected.
    public let work: BackgroundWork
    /// Asks whether the database answers.
    public let dependency: Dependency

    /// Puts a service's database together.
    ///
    /// - Parameters:
    ///   - name: The service, which is also the default database.
    ///   - migrations: The schema.
    ///   - settings: The environment.
    ///   - telemetry: Where to record.
    /// - Throws: An error that names the variable that is wrong.
    public init(
        _ name: String,
        migrations: [PostgresMigration],
        settings: inout Settings,
        telemetry: Telemetry
    ) throws {
        settings.document("PGHOST", default: "127.0.0.1", "the PostgreSQL server")
        settings.document("PGPORT", default: "5432", "its port")
        settings.document("PGDATABASE", default: name, "the service's database")
        settings.document("PGUSER", default: name, "the database user")
        settings.document("PGPASSWORD", default: "", "the user's password; PGPASSFILE works too")
        settings.document("PGSSLMODE", default: "prefer", "libpq's TLS mode; verify-full in production")
        var environment = settings.environment
        if (environment["PGUSER"] ?? "").isEmpty { environment["PGUSER"] = name }
        let connections = settings.int(
            "CONTRAIL_DB_CONNECTIONS",
            default: 16,
            in: 2...500,
            "the most database connections of this process"
        )
        let pool = try settings.making(falling: environment) { environment in
            try Database.makePool(
                environment: environment,
                name: name,
                maximumConnections: connections,
                telemetry: telemetry
            )
        }
        self.pool = pool
        preparation = Preparation("database migrations") {
            do {
                try await PostgresMigrator(migrations).run(on: pool)
            } catch let error as PostgresError where error.code == .migration {
                throw ImpossibleMigration(cause: error)
            }
        }
        work = BackgroundWork("database", start: .atOnce) { try await pool.run() }
        dependency = Dependency("postgresql") { try await pool.check() }
    }
}

/// The database's schema is not one that this version can bring up to date.
struct ImpossibleMigration: UnrecoverablePreparation, CustomStringConvertible {
    let cause: PostgresError

    var description: String { cause.description }
}
