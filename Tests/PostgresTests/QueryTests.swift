import Foundation
import Postgres
import Testing

@Suite("Queries")
struct QueryTests {
    @Test("Values of every type come back as they were sent")
    func roundTrip() async throws {
        try await withPool { pool in
            let id = UUID()
            let bytes: [UInt8] = [0, 1, 0, 255]
            let moment = PostgresTimestamp(microsecondsSinceEpoch: 1_767_225_599_123_457)
            let date = Date(timeIntervalSince1970: 1_700_000_000.25)
            let row = try #require(
                try await pool.query(
                    "SELECT values",
                    """
                    SELECT \("héllo 'world'")::text AS text, \(Int.min) AS int, \(Int64.max) AS int64,
                        \(Int32.min) AS int32, \(1.0 / 3.0) AS double, \(true) AS yes, \(false) AS no, \(id) AS uuid,
                        \(bytes) AS bytes, \([UInt8]()) AS empty_bytes, \("")::text AS empty_text,
                        \(moment) AS moment, \(date) AS date, \(#"{"a": [1, 2]}"#)::jsonb AS json
                    """
                ).first
            )
            #expect(try row.decode(String.self, "text") == "héllo 'world'")
            #expect(try row.decode(Int.self, "int") == .min)
            #expect(try row.decode(Int64.self, "int64") == .max)
            #expect(try row.decode(Int32.self, "int32") == .min)
            #expect(try row.decode(Double.self, "double") == 1.0 / 3.0)
            #expect(try row.decode(Bool.self, "yes"))
            #expect(try !row.decode(Bool.self, "no"))
            #expect(try row.decode(UUID.self, "uuid") == id)
            #expect(try row.decode([UInt8].self, "bytes") == bytes)
            #expect(try row.decode([UInt8].self, "empty_bytes") == [])
            #expect(try row.decode(String.self, "empty_text") == "")
            #expect(try row.decode(PostgresTimestamp.self, "moment") == moment)
            #expect(try row.decode(PostgresTimestamp.self, "moment").nanosecondsSinceEpoch == 1_767_225_599_123_457_000)
            #expect(try row.decode(Date.self, "date") == date)
            #expect(try row.decode(String.self, "json") == #"{"a": [1, 2]}"#)
        }
    }

    @Test("NULL is nil both ways, and an error for a type that has none")
    func null() async throws {
        try await withPool { pool in
            let nothing: Int? = nil
            let something: String? = "x"
            let row = try #require(
                try await pool.query("SELECT null", "SELECT \(nothing) AS nothing, \(something)::text AS something")
                    .first
            )
            #expect(try row.decode(Int?.self, "nothing") == nil)
            #expect(try row.decode(String?.self, "something") == "x")
            let failure = #expect(throws: PostgresError.self) { try row.decode(Int.self, "nothing") }
            #expect(failure?.code == .decoding)
            #expect(failure?.message.contains("\"nothing\" is NULL") == true)
        }
    }

    @Test("Arrays feed UNNEST and come back")
    func arrays() async throws {
        try await withPool { pool in
            let texts: [String?] = ["a", nil, "c,\"{}"]
            let numbers: [Int64] = [1, 2, .max]
            let ids = [UUID(), UUID(), UUID()]
            let blobs: [[UInt8]] = [[1, 2], [], [0]]
            let rows = try await pool.query(
                "SELECT unnest",
                """
                SELECT * FROM unnest(\(texts), \(numbers), \(ids), \(blobs)) WITH ORDINALITY
                    AS rows (text, number, id, blob, position) ORDER BY position
                """
            )
            #expect(try rows.map { try $0.decode(String?.self, "text") } == texts)
            #expect(try rows.map { try $0.decode(Int64.self, "number") } == numbers)
            #expect(try rows.map { try $0.decode(UUID.self, "id") } == ids)
            #expect(try rows.map { try $0.decode([UInt8].self, "blob") } == blobs)

            let row = try #require(
                try await pool.query(
                    "SELECT arrays",
                    "SELECT \(texts) AS texts, \(numbers) AS numbers, \(blobs) AS blobs, \([Int]()) AS none"
                ).first
            )
            #expect(try row.decode([String?].self, "texts") == texts)
            #expect(try row.decode([Int64].self, "numbers") == numbers)
            #expect(try row.decode([[UInt8]].self, "blobs") == blobs)
            #expect(try row.decode([Int].self, "none") == [])
        }
    }

    @Test("A value cannot become SQL")
    func injection() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE victims", "CREATE TABLE victims (name text)")
            let attack = "x'); DROP TABLE victims; --"
            try await pool.query("INSERT victims", "INSERT INTO victims VALUES (\(attack))")
            let rows = try await pool.query("SELECT victims", "SELECT name FROM victims WHERE name = \(attack)")
            #expect(try rows.map { try $0.decode(String.self, "name") } == [attack])
        }
    }

    @Test("The statement's description has placeholders in place of values")
    func description() {
        let query: PostgresQuery = "SELECT \("secret") FROM \(unsafeSQL: "t") WHERE a = \(1)"
        #expect(query.sql == "SELECT $1 FROM t WHERE a = $2")
        #expect(!"\(query)".contains("secret"))
        #expect(!String(reflecting: query).contains("secret"))
    }

    @Test(
        "numeric is exact as String and read as numbers where it fits",
        arguments: ["0", "1", "-1", "0.00", "10000", "123456789012345678901234567890.000123", "-0.0001", "NaN", "1e20"]
    )
    func numeric(text: String) async throws {
        try await withPool { pool in
            let row = try #require(
                try await pool.query(
                    "SELECT numeric",
                    "SELECT \(text)::numeric AS number, \(text)::numeric::text AS text, sum(1::bigint) AS sum"
                ).first
            )
            #expect(try row.decode(String.self, "number") == row.decode(String.self, "text"))
            #expect(try row.decode(Int.self, "sum") == 1)
            #expect(try row.decode(Double.self, "sum") == 1)
        }
    }

    @Test("A column that does not fit is named with its type and the one that was wanted")
    func decodingErrors() async throws {
        try await withPool { pool in
            let row = try #require(try await pool.query("SELECT one", "SELECT 1::int8 AS one, 5000000000 AS big").first)
            let wrongType = #expect(throws: PostgresError.self) { try row.decode(UUID.self, "one") }
            #expect(wrongType?.message == "column \"one\": int8 is not readable as UUID")
            let missing = #expect(throws: PostgresError.self) { try row.decode(Int.self, "two") }
            #expect(missing?.message == "no column \"two\" among: one, big")
            let tooLarge = #expect(throws: PostgresError.self) { try row.decode(Int32.self, "big") }
            #expect(tooLarge?.code == .decoding)
        }
    }

    @Test("A text with NUL is refused instead of cut off, and the connection stays usable")
    func nulCharacter() async throws {
        try await withPool { pool in
            let failure = try await error { try await pool.query("SELECT nul", "SELECT \("a\0b")::text") }
            #expect(failure.code == .encoding)
            try await pool.query("SELECT one", "SELECT 1")
            #expect(pool.statistics.idle == 1)
        }
    }

    @Test("A unique violation has its code and its constraint, and its values only in the debug description")
    func uniqueViolation() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE mails", "CREATE TABLE mails (mail text CONSTRAINT one_mail UNIQUE)")
            try await pool.query("INSERT mails", "INSERT INTO mails VALUES (\("secret@example.org"))")
            let failure = try await error {
                try await pool.query("INSERT mails", "INSERT INTO mails VALUES (\("secret@example.org"))")
            }
            #expect(failure.code == .server)
            #expect(failure.sqlState == .uniqueViolation)
            #expect(failure.constraint == "one_mail")
            #expect(!failure.isRetriable)
            #expect(!"\(failure)".contains("secret"))
            #expect(failure.debugDescription.contains("secret"))
        }
    }

    @Test("A message that quotes a malformed value is hidden")
    func malformedValue() async throws {
        try await withPool { pool in
            let failure = try await error { try await pool.query("SELECT uuid", "SELECT \("secret")::uuid") }
            #expect(failure.sqlState == .invalidTextRepresentation)
            #expect(!"\(failure)".contains("secret"))
        }
    }

    @Test("The number of affected rows is known for every command")
    func affectedRows() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE numbers", "CREATE TABLE numbers (number int8)")
            let inserted = try await pool.query("INSERT numbers", "INSERT INTO numbers SELECT generate_series(1, 7)")
            #expect(inserted.affectedRows == 7)
            #expect(inserted.isEmpty)
            let updated = try await pool.query("UPDATE numbers", "UPDATE numbers SET number = 0 WHERE number > \(5)")
            #expect(updated.affectedRows == 2)
            let selected = try await pool.query("SELECT numbers", "SELECT * FROM numbers")
            #expect(selected.affectedRows == 7)
        }
    }

    @Test("A statement is prepared again after the server has lost it or the table has changed")
    func preparedAgain() async throws {
        try await withPool { pool in
            try await pool.query("CREATE TABLE things", "CREATE TABLE things (a int8)")
            try await pool.withConnection { connection in
                for _ in 0..<3 { try await connection.query("SELECT things", "SELECT * FROM things") }
                try await connection.query("DISCARD", "DISCARD ALL")
                try await connection.query("SELECT things", "SELECT * FROM things")
                try await connection.query("ALTER TABLE things", "ALTER TABLE things ADD COLUMN b int8")
                try await connection.query("SELECT things", "SELECT * FROM things")
                try await connection.query("DISCARD", "DISCARD ALL")
                try await connection.withTransaction { transaction in
                    try await transaction.query("SELECT things", "SELECT * FROM things")
                    try await transaction.query("INSERT things", "INSERT INTO things VALUES (1, 2)")
                }
            }
            #expect(try await pool.query("SELECT things", "SELECT * FROM things").count == 1)
        }
    }

    @Test("Old prepared statements make room for new ones")
    func boundedStatements() async throws {
        try await withPool(configure: { $0.maximumPreparedStatements = 4 }) { pool in
            try await pool.withConnection { connection in
                for number in 0..<20 {
                    try await connection.query("SELECT number", "SELECT \(unsafeSQL: String(number))")
                }
                let rows = try await connection.query(
                    "SELECT pg_prepared_statements",
                    "SELECT count(*) AS count FROM pg_prepared_statements"
                )
                #expect(try rows.first?.decode(Int.self, "count") == 4)
            }
        }
    }

    @Test("A large value and a large result pass")
    func large() async throws {
        try await withPool { pool in
            let bytes = [UInt8](repeating: 7, count: 20_000_000)
            let rows = try await pool.query("SELECT bytes", "SELECT \(bytes) AS bytes")
            #expect(try rows.first?.decode([UInt8].self, "bytes") == bytes)
            let many = try await pool.query("SELECT series", "SELECT generate_series(1, 100000) AS number")
            #expect(try many.last?.decode(Int.self, "number") == 100_000)
        }
    }
}
