internal import CLibPQ
internal import Glibc

/// The handle of one result of libpq.
///
/// `@unchecked Sendable`: a `PGresult` does not change after libpq has handed it out, and libpq documents that it may
/// then be read from any thread ("Behavior in Threaded Programs"). It is freed once, when the last reference is gone.
final class QueryResult: @unchecked Sendable {
    private let handle: OpaquePointer
    let rowCount: Int

    /// Takes the ownership of a result.
    init(owning handle: OpaquePointer) {
        self.handle = handle
        rowCount = Int(PQntuples(handle))
    }

    deinit {
        PQclear(handle)
    }

    var status: ExecStatusType { PQresultStatus(handle) }

    var affectedRows: Int {
        PQcmdTuples(handle).flatMap { Int(String(cString: $0)) } ?? 0
    }

    /// The command's name as the server reports it, such as "COMMIT".
    var commandTag: String {
        PQcmdStatus(handle).map { String(cString: $0) } ?? ""
    }

    var columnNames: [String] {
        (0..<PQnfields(handle)).map { PQfname(handle, $0).map { String(cString: $0) } ?? "" }
    }

    /// The first column of a name. Unlike `PQfnumber` it neither folds case nor allocates.
    func column(named name: String) -> Int32? {
        name.withCString { name in
            (0..<PQnfields(handle)).first { index in
                PQfname(handle, index).map { strcmp($0, name) == 0 } ?? false
            }
        }
    }

    /// Decodes a value; `nil` stands for NULL.
    func decode<Value: PostgresDecodable>(
        _ type: Value.Type,
        row: Int,
        column: Int32
    ) throws(PostgresDecodingFailure) -> Value? {
        let row = Int32(clamping: row)
        guard PQgetisnull(handle, row, column) == 0, let start = PQgetvalue(handle, row, column) else { return nil }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(handle, row, column)))
        return try Value(postgresBytes: bytes.bytes, type: PostgresType(oid: PQftype(handle, column)))
    }

    /// A field of a server's error, such as its SQLSTATE.
    func errorField(_ code: Int32) -> String? {
        PQresultErrorField(handle, code).map { String(cString: $0) }
    }

    /// The whole error text of libpq.
    var errorText: String {
        PQresultErrorMessage(handle).map { String(cString: $0) } ?? ""
    }
}
