/// The rows that a statement returned.
///
/// They are read in place from the memory of libpq, which is freed with the last row or collection of them.
public struct PostgresRows: Sendable, RandomAccessCollection {
    /// The result, or `nil` for the end of an empty transaction, which nothing was sent for.
    private let result: QueryResult?

    init(_ result: QueryResult?) {
        self.result = result
    }

    /// The position of the first row.
    public var startIndex: Int { 0 }

    /// The position behind the last row.
    public var endIndex: Int { result?.rowCount ?? 0 }

    /// The row at a position.
    public subscript(position: Int) -> PostgresRow {
        precondition(indices.contains(position), "row \(position) of \(count)")
        return PostgresRow(result: result, index: position)
    }

    /// The number of rows that the statement inserted, updated, deleted or returned.
    public var affectedRows: Int { result?.affectedRows ?? 0 }
}

/// A row that a statement returned.
public struct PostgresRow: Sendable {
    fileprivate let result: QueryResult?
    fileprivate let index: Int

    /// Decodes a column.
    ///
    /// - Parameters:
    ///   - type: what to read the column as.
    ///   - column: the column's name.
    /// - Throws: ``PostgresError`` with code `.decoding` if there is no such column, it is NULL, or its type does not
    ///   fit.
    public func decode<Value: PostgresDecodable>(_ type: Value.Type, _ column: String) throws -> Value {
        guard let value = try decode(Value?.self, column) else {
            throw PostgresError(
                .decoding,
                "column \"\(column)\" is NULL; decode \(Value.self)? or exclude NULL in the statement"
            )
        }
        return value
    }

    /// Decodes a column that may be NULL.
    ///
    /// - Parameters:
    ///   - type: what to read the column as.
    ///   - column: the column's name.
    /// - Throws: ``PostgresError`` with code `.decoding` if there is no such column or its type does not fit.
    public func decode<Value: PostgresDecodable>(_ type: Value?.Type, _ column: String) throws -> Value? {
        guard let result, let columnIndex = result.column(named: column) else {
            let names = result?.columnNames.joined(separator: ", ") ?? ""
            throw PostgresError(.decoding, "no column \"\(column)\" among: \(names)")
        }
        do {
            return try result.decode(Value.self, row: index, column: columnIndex)
        } catch {
            throw PostgresError(.decoding, "column \"\(column)\": \(error.reason)")
        }
    }
}
