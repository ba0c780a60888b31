/// One step of a database's schema.
public struct PostgresMigration: Sendable {
    /// The step's number; steps run in ascending order.
    public let version: Int
    /// The step's name, for people.
    public let name: String
    /// The statements, separated by semicolons. They run in one transaction and must not end it.
    public let sql: String

    /// Creates a step.
    public init(version: Int, name: String, sql: String) {
        self.version = version
        self.name = name
        self.sql = sql
    }
}
