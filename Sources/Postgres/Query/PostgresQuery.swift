/// A statement whose interpolated values travel apart from its text, so that a value can never become SQL.
///
/// ```swift
/// try await pool.query("SELECT users", "SELECT name FROM users WHERE id = \(id)")
/// ```
///
/// sends `SELECT name FROM users WHERE id = $1` and the value of `id`. Text that is not known when the program is
/// written, such as a table's name, needs `\(unsafeSQL:)`.
///
/// A `String` is sent without a type, so that the server infers it (`text`, `jsonb`, `uuid`, an enumeration …); where
/// it cannot, as in arguments of polymorphic functions, write a cast: `\(name)::text`.
public struct PostgresQuery: Sendable, ExpressibleByStringInterpolation {
    /// The statement with `$n` in place of the values.
    public private(set) var sql: String
    /// The values.
    let values: PostgresValues

    /// Creates a statement without values.
    public init(stringLiteral value: String) {
        sql = value
        values = PostgresValues()
    }

    /// Creates a statement from interpolated text.
    public init(stringInterpolation: StringInterpolation) {
        sql = stringInterpolation.sql
        values = stringInterpolation.values
    }

    /// Creates a statement from text that is sent as it is: the caller vouches that no part of it comes from outside.
    public init(unsafeSQL: String) {
        self.init(stringLiteral: unsafeSQL)
    }
}

extension PostgresQuery {
    /// Gathers the parts of an interpolated statement.
    public struct StringInterpolation: StringInterpolationProtocol, Sendable {
        var sql = ""
        var values = PostgresValues()

        /// Creates an empty statement.
        public init(literalCapacity: Int, interpolationCount: Int) {
            sql.reserveCapacity(literalCapacity + 3 * interpolationCount)
            values.reserveCapacity(interpolationCount)
        }

        /// Adds SQL that is written in the program.
        public mutating func appendLiteral(_ literal: String) {
            sql += literal
        }

        /// Adds a value.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value) {
            values.append(value)
            appendPlaceholder()
        }

        /// Adds a value or NULL.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            if let value {
                values.append(value)
            } else {
                values.appendNull(of: Value.postgresType)
            }
            appendPlaceholder()
        }

        /// Adds text as it is: the caller vouches that no part of it comes from outside.
        public mutating func appendInterpolation(unsafeSQL: String) {
            sql += unsafeSQL
        }

        private mutating func appendPlaceholder() {
            sql += "$"
            sql += String(values.count)
        }
    }
}

extension PostgresQuery: CustomStringConvertible, CustomReflectable {
    /// The statement without values.
    public var description: String { sql }

    /// Only the statement: `dump` must not show values either.
    public var customMirror: Mirror { Mirror(self, children: ["sql": sql]) }
}
