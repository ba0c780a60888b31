/// How a pool is used at one moment, for gauges.
public struct PostgresPoolStatistics: Sendable, Equatable {
    /// Open connections that nobody uses (`db.client.connection.count`, state `idle`).
    public let idle: Int
    /// Open connections in use (`db.client.connection.count`, state `used`).
    public let used: Int
    /// Tasks that wait for a connection (`db.client.connection.pending_requests`).
    public let pending: Int
    /// The largest number of connections (`db.client.connection.max`).
    public let maximum: Int
}
