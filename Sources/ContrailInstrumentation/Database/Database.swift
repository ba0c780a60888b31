internal import Observability

@_exported public import struct Postgres.PostgresConfiguration
@_exported public import class Postgres.PostgresConnection
@_exported public import struct Postgres.PostgresError
@_exported public import struct Postgres.PostgresMigration
@_exported public import class Postgres.PostgresPool
@_exported public import struct Postgres.PostgresQuery
@_exported public import struct Postgres.PostgresRow
@_exported public import struct Postgres.PostgresRows
@_exported public import struct Postgres.PostgresTimestamp
@_exported public import class Postgres.PostgresTransaction
@_exported public import struct Postgres.SQLState

/// A service's database: a pool whose statements are traced and measured.
public enum Database {
    /// Makes a traced pool; it connects once it runs.
    ///
    /// - Parameters:
    ///   - environment: libpq's `PG*` variables; the local server by default.
    ///   - name: The database's name when `PGDATABASE` is unset, and the pool's name in metrics.
    ///   - maximumConnections: The size of the pool.
    ///   - telemetry: Where to record.
    /// - Throws: An error that names the variable that is wrong.
    public static func makePool(
        environment: [String: String],
        name: String,
        maximumConnections: Int,
        telemetry: Telemetry
    ) throws -> PostgresPool {
        var configuration = try PostgresConfiguration(
            environment: environment,
            defaultDatabase: name,
            applicationName: "contrail-\(name)"
        )
        configuration.maximumConnections = maximumConnections
        let pool = PostgresPool(
            configuration: configuration,
            observer: DatabaseObserver(telemetry: telemetry, pool: name),
            logger: telemetry.logger
        )
        telemetry.metrics.gauge(
            "db_client_connection_count",
            help: "Connections of the pool by state.",
            labels: ["db_client_connection_pool_name", "db_client_connection_state"]
        ) { [weak pool] in
            guard let statistics = pool?.statistics else { return [] }
            return [
                ObservedValue(Double(statistics.idle), name, "idle"),
                ObservedValue(Double(statistics.used), name, "used"),
            ]
        }
        telemetry.metrics.gauge(
            "db_client_connection_pending_requests",
            help: "Callers that wait for a connection of the pool.",
            labels: ["db_client_connection_pool_name"]
        ) { [weak pool] in
            guard let statistics = pool?.statistics else { return [] }
            return [ObservedValue(Double(statistics.pending), name)]
        }
        return pool
    }
}
