import Postgres
import Testing

@Suite("Configuration")
struct ConfigurationTests {
    private func configuration(_ environment: [String: String]) throws -> PostgresConfiguration {
        try PostgresConfiguration(environment: environment, defaultDatabase: "orders", applicationName: "tests")
    }

    @Test("An empty environment gives the local defaults")
    func defaults() throws {
        let configuration = try configuration(["PGHOST": ""])
        #expect(configuration.host == "127.0.0.1")
        #expect(configuration.port == 5432)
        #expect(configuration.database == "orders")
        #expect(configuration.user == "postgres")
        #expect(configuration.password == nil)
        #expect(configuration.sslMode == .prefer)
    }

    @Test("The variables of libpq are read")
    func variables() throws {
        let configuration = try configuration([
            "PGHOST": "db", "PGPORT": "6432", "PGDATABASE": "d", "PGUSER": "u", "PGPASSWORD": "p",
            "PGSSLMODE": "verify-full",
        ])
        #expect(configuration.host == "db")
        #expect(configuration.port == 6432)
        #expect(configuration.database == "d")
        #expect(configuration.user == "u")
        #expect(configuration.password == "p")
        #expect(configuration.sslMode == .verifyFull)
    }

    @Test(
        "A wrong variable is refused by its name",
        arguments: [("PGPORT", "0"), ("PGPORT", "70000"), ("PGPORT", "x"), ("PGSSLMODE", "maybe")]
    )
    func wrongVariable(key: String, value: String) throws {
        let failure = #expect(throws: PostgresError.self) { try configuration([key: value]) }
        #expect(failure?.code == .invalidConfiguration)
        #expect(failure?.message.contains(key) == true)
        #expect(failure?.message.contains(value) == true)
    }

    @Test("The password is in no description")
    func password() throws {
        let configuration = try configuration(["PGPASSWORD": "hunter2"])
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!"\(configuration)".contains("hunter2"))
        #expect(!String(reflecting: configuration).contains("hunter2"))
        #expect(!dumped.contains("hunter2"))
    }
}
