internal import Logging

/// Brings a database's schema up to date.
///
/// Processes that start together wait for one another by an advisory lock. Each step runs in a transaction, together
/// with its row in the table `schema_migrations`, so that a crash leaves it undone or done. A step that was edited
/// after it ran is refused by its checksum (SHA-256), and so is a database that knows a step which the program does
/// not.
public struct PostgresMigrator: Sendable {
    private let migrations: [PostgresMigration]

    /// The advisory lock's number: "contrail" in ASCII.
    private static let lock: Int64 = 0x636F_6E74_7261_696C

    /// Creates a migrator.
    ///
    /// - Parameter migrations: all steps from the first one on, in ascending order of their versions.
    public init(_ migrations: [PostgresMigration]) {
        self.migrations = migrations
    }

    /// Runs the steps that the database lacks.
    ///
    /// The server is waited for if it is away.
    ///
    /// - Parameters:
    ///   - pool: the database.
    ///   - timeout: how long to wait for the server, for other processes that migrate, and for each step, each.
    /// - Returns: the versions of the steps that were run.
    /// - Throws: ``PostgresError`` with code `.migration` if steps and database do not fit together, or another one.
    @discardableResult
    public func run(on pool: PostgresPool, timeout: Duration = .seconds(300)) async throws -> [Int] {
        for (step, next) in zip(migrations, migrations.dropFirst()) where step.version >= next.version {
            throw PostgresError(.migration, "migration \(next.version) follows \(step.version); versions must ascend")
        }
        try await pool.waitUntilAvailable(timeout: timeout)
        return try await pool.withConnection { connection in
            try await lock(connection, deadline: .now + timeout)
            let versions = try await migrate(connection, timeout: timeout, logger: pool.logger)
            try await connection.advisoryUnlock(Self.lock)
            return versions
        }
    }

    /// Takes the lock by asking again and again: a waiting `pg_advisory_lock` would run into `statement_timeout`.
    private func lock(_ connection: PostgresConnection, deadline: Moment) async throws {
        while try await !connection.tryAdvisoryLock(Self.lock) {
            guard Moment.now < deadline else {
                throw PostgresError(.migration, "another process has been migrating the database for too long")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func migrate(_ connection: PostgresConnection, timeout: Duration, logger: Logger) async throws -> [Int] {
        try await connection.query(
            "CREATE TABLE schema_migrations",
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version bigint PRIMARY KEY,
                name text NOT NULL,
                checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """
        )
        let applied = try await connection.query(
            "SELECT schema_migrations",
            "SELECT version, checksum FROM schema_migrations ORDER BY version"
        ).map { try ($0.decode(Int.self, "version"), $0.decode(String.self, "checksum")) }
        let checksums = try await checksums(connection)
        try check(applied, checksums)

        var versions: [Int] = []
        for (migration, checksum) in zip(migrations, checksums).dropFirst(applied.count) {
            let start = Moment.now
            try await apply(migration, checksum, connection, timeout: timeout)
            versions.append(migration.version)
            logger.info(
                "Applied migration",
                metadata: [
                    "migration.version": "\(migration.version)",
                    "migration.name": "\(migration.name)",
                    "duration": "\((Moment.now - start).milliseconds) ms",
                ]
            )
        }
        return versions
    }

    /// The steps' checksums, which the server computes.
    private func checksums(_ connection: PostgresConnection) async throws -> [String] {
        try await connection.query(
            "SELECT sha256",
            """
            SELECT encode(sha256(step), 'hex') AS checksum
            FROM unnest(\(migrations.map { Array($0.sql.utf8) })) WITH ORDINALITY AS steps (step, number)
            ORDER BY number
            """
        ).map { try $0.decode(String.self, "checksum") }
    }

    /// Checks that the applied steps are the first ones of the program's, unchanged.
    private func check(_ applied: [(version: Int, checksum: String)], _ checksums: [String]) throws {
        for (index, row) in applied.enumerated() {
            guard let position = migrations.firstIndex(where: { $0.version == row.version }) else {
                throw PostgresError(
                    .migration,
                    "the database has migration \(row.version), which this program does not know; run a newer program"
                )
            }
            guard position == index else {
                throw PostgresError(
                    .migration,
                    "migration \(migrations[index].version) was added before \(row.version), which has run; "
                        + "give it a higher version"
                )
            }
            guard checksums[position] == row.checksum else {
                throw PostgresError(
                    .migration,
                    "migration \(row.version) (\(migrations[position].name)) was edited after it had run; "
                        + "undo that and add a new migration"
                )
            }
        }
    }

    private func apply(
        _ migration: PostgresMigration,
        _ checksum: String,
        _ connection: PostgresConnection,
        timeout: Duration
    ) async throws {
        try await connection.withTransaction { transaction in
            // As a value: SET takes none, set_config does.
            try await transaction.query(
                "SELECT set_config",
                "SELECT set_config('statement_timeout', \(String(timeout.milliseconds)), true)"
            )
            try await transaction.script(
                "MIGRATE \(migration.name)",
                migration.sql,
                deadline: .now + (timeout + .seconds(1))
            )
            try await transaction.query(
                "INSERT schema_migrations",
                """
                INSERT INTO schema_migrations (version, name, checksum)
                VALUES (\(migration.version), \(migration.name), \(checksum))
                """
            )
        }
    }
}
