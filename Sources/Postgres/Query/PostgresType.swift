/// A data type of the server, by its object identifier in the catalogue `pg_type`.
public struct PostgresType: Sendable, Hashable, CustomStringConvertible {
    /// The object identifier.
    public let oid: UInt32

    /// Creates a type from its object identifier.
    public init(oid: UInt32) {
        self.oid = oid
    }

    /// The server infers the type from where the value stands.
    public static let inferred = PostgresType(oid: 0)
    /// A truth value.
    public static let bool = PostgresType(oid: 16)
    /// Bytes.
    public static let bytea = PostgresType(oid: 17)
    /// A whole number of 64 bits.
    public static let int8 = PostgresType(oid: 20)
    /// A whole number of 16 bits.
    public static let int2 = PostgresType(oid: 21)
    /// A whole number of 32 bits.
    public static let int4 = PostgresType(oid: 23)
    /// A text.
    public static let text = PostgresType(oid: 25)
    /// A floating-point number of 32 bits.
    public static let float4 = PostgresType(oid: 700)
    /// A floating-point number of 64 bits.
    public static let float8 = PostgresType(oid: 701)
    /// An exact decimal number.
    public static let numeric = PostgresType(oid: 1700)
    /// A date and time without a time zone.
    public static let timestamp = PostgresType(oid: 1114)
    /// A point in time.
    public static let timestamptz = PostgresType(oid: 1184)
    /// A UUID.
    public static let uuid = PostgresType(oid: 2950)
    /// JSON as text.
    public static let json = PostgresType(oid: 114)
    /// JSON in binary form.
    public static let jsonb = PostgresType(oid: 3802)

    static let char = PostgresType(oid: 18)
    static let name = PostgresType(oid: 19)
    static let oid = PostgresType(oid: 26)
    static let xid = PostgresType(oid: 28)
    static let xml = PostgresType(oid: 142)
    static let unknown = PostgresType(oid: 705)
    static let bpchar = PostgresType(oid: 1042)
    static let varchar = PostgresType(oid: 1043)
    static let date = PostgresType(oid: 1082)
    static let interval = PostgresType(oid: 1186)
    static let void = PostgresType(oid: 2278)
    static let xid8 = PostgresType(oid: 5069)

    /// Object identifiers from here on belong to types that users made, such as enumerations.
    var isUserDefined: Bool { oid >= 16_384 }

    /// The type's name, or its number if this module does not know it.
    public var description: String {
        Self.names[self] ?? "a type with oid \(oid)"
    }

    private static let names: [PostgresType: String] = [
        .bool: "bool", .bytea: "bytea", .int8: "int8", .int2: "int2", .int4: "int4", .text: "text",
        .float4: "float4", .float8: "float8", .numeric: "numeric", .timestamp: "timestamp",
        .timestamptz: "timestamptz", .uuid: "uuid", .json: "json", .jsonb: "jsonb", .char: "\"char\"",
        .name: "name", .oid: "oid", .xid: "xid", .xml: "xml", .unknown: "unknown", .bpchar: "char",
        .varchar: "varchar", .date: "date", .interval: "interval", .void: "void", .xid8: "xid8",
        .init(oid: 1000): "bool[]", .init(oid: 1001): "bytea[]", .init(oid: 1005): "int2[]",
        .init(oid: 1007): "int4[]", .init(oid: 1016): "int8[]", .init(oid: 1009): "text[]",
        .init(oid: 1015): "varchar[]", .init(oid: 1022): "float8[]", .init(oid: 1185): "timestamptz[]",
        .init(oid: 2951): "uuid[]",
    ]
}
