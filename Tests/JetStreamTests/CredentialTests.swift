import Foundation
import JetStream
import Testing

/// Keys that were made for these tests and open nothing else.
private enum Keys {
    /// Signs accounts.
    static let authority = """
        eyJ0eXAiOiAiSldUIiwgImFsZyI6ICJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOiAxNzAwMDAwMDAwLCAiaXNzIjogIk9DS1EyM0hZN\
        U1NR0pGTERJMlo1TEVIQ1g1WkhFQVU1U0xURFJTUkRQSFpMWUc3UlIyVDc3TEw2IiwgIm5hbWUiOiAidGVzdCIsICJzdWIiOiAiT\
        0NLUTIzSFk1TU1HSkZMREkyWjVMRUhDWDVaSEVBVTVTTFREUlNSRFBIWkxZRzdSUjJUNzdMTDYiLCAibmF0cyI6IHsidHlwZSI6I\
        CJvcGVyYXRvciIsICJ2ZXJzaW9uIjogMn0sICJqdGkiOiAiWU00R09HU1VPV1EzWElMQU9MWktLSTZZVEpUSTJWUERZTDU3U0Q1Q\
        0xaQVVEVzI1SDVKUSJ9._tXKbiJFTMHljzNI4kS-60mxz_7n3BXviZW0UJXGKYeqM7vLVuH76CG5BjsI11U4Gdcms4a-gZbshHTf\
        Du23BA
        """
    /// An account of the operator, and its public key.
    static let account = """
        eyJ0eXAiOiAiSldUIiwgImFsZyI6ICJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOiAxNzAwMDAwMDAwLCAiaXNzIjogIk9DS1EyM0hZN\
        U1NR0pGTERJMlo1TEVIQ1g1WkhFQVU1U0xURFJTUkRQSFpMWUc3UlIyVDc3TEw2IiwgIm5hbWUiOiAidGVzdCIsICJzdWIiOiAiQ\
        UFDTUlES0NZSlZaRVhRNDVHT0xBWk1PUEtXMkY3TUlTRVZVVlhLS0RaTkFUUzdMNUwyTVZCSEwiLCAibmF0cyI6IHsidHlwZSI6I\
        CJhY2NvdW50IiwgInZlcnNpb24iOiAyLCAibGltaXRzIjogeyJzdWJzIjogLTEsICJkYXRhIjogLTEsICJwYXlsb2FkIjogLTEsI\
        CJpbXBvcnRzIjogLTEsICJleHBvcnRzIjogLTEsICJ3aWxkY2FyZHMiOiB0cnVlLCAiY29ubiI6IC0xLCAibGVhZiI6IC0xLCAib\
        WVtX3N0b3JhZ2UiOiAtMSwgImRpc2tfc3RvcmFnZSI6IC0xLCAic3RyZWFtcyI6IC0xLCAiY29uc3VtZXIiOiAtMX0sICJkZWZhd\
        Wx0X3Blcm1pc3Npb25zIjogeyJwdWIiOiB7fSwgInN1YiI6IHt9fX0sICJqdGkiOiAiMlo3TE83TEIyWFFXNFlNSkpKNUE0NjdPN\
        URFT1NZVjVPMlRNQlNUUkJFTVBJQkg2TFM0QSJ9.0Gq4YyNfh6SA6DH1lfAms-JbTSl3U1-bFrWNstDnbfcP1PhTehrsm3X7kZ3Q\
        qEPIGTQ3qR2_1p2I8MEaOvYJAw
        """
    static let accountKey = "AACMIDKCYJVZEXQ45GOLAZMOPKW2F7MISEVUVXKKDZNATS7L5L2MVBHL"
    /// A user of the account.
    static let user = """
        eyJ0eXAiOiAiSldUIiwgImFsZyI6ICJlZDI1NTE5LW5rZXkifQ.eyJpYXQiOiAxNzAwMDAwMDAwLCAiaXNzIjogIkFBQ01JREtDW\
        UpWWkVYUTQ1R09MQVpNT1BLVzJGN01JU0VWVVZYS0tEWk5BVFM3TDVMMk1WQkhMIiwgIm5hbWUiOiAidGVzdCIsICJzdWIiOiAiV\
        UE1QVc3TURBUEhBVFo0V0lNVElCNTQzNVJVVUFJT0pTSVNFNTUzSVFFQjdHVE1IWVFaTzdIVDQiLCAibmF0cyI6IHsidHlwZSI6I\
        CJ1c2VyIiwgInZlcnNpb24iOiAyLCAicHViIjoge30sICJzdWIiOiB7fSwgInN1YnMiOiAtMSwgImRhdGEiOiAtMSwgInBheWxvY\
        WQiOiAtMX0sICJqdGkiOiAiRlpKQlpHTVFXVFFMSEtFVE5DTVVHNjVaVjU0SVNSWElGTjNOSlFCVzczTVVPNlQ3TkNEQSJ9.a5Y8\
        zfPzXAIhqtyK4BQ5-b1U7xBXcCZ7nz6jcnIHCV9Q0BVTXoVrSuPbYil1pMMKlSBZulNkDVVvi6tufse3CQ
        """
    static let userKey = "UA5AW7MDAPHATZ4WIMTIB5435RUUAIOJSISE553IQEB7GTMHYQZO7HT4"
    static let userSeed = "SUAOUMAV4N7UEQAEEFUF6OKTGHB6YIU6HM3P5PLFJY5LG4U4ZV5WPNJRPE"
    /// A user that nobody knows.
    static let strangerKey = "UDNEOCFIMBJW3RUUAZO57UTK7QDGB7HNSOOOB2QVAZBYLUAJRHTJR53B"
    static let strangerSeed = "SUAFWXLM3ALPM3Z5CFRV4LDSQQ5E3PQRGQTTKSNAIFAJFBOZVTKEJVL5IU"
}

@Suite("Credentials")
struct CredentialTests {
    private func write(_ text: String, _ server: TestNATSServer, _ name: String) throws -> String {
        let file = server.folder.appendingPathComponent(name)
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    private func works(_ configuration: NATSConfiguration) async throws {
        let connection = try await NATSConnection.connect(configuration, logger: .quiet)
        #expect(connection.status == .connected)
        try await connection.flush()
        await connection.shutdown()
    }

    private func isRefused(_ configuration: NATSConfiguration) async throws {
        let error = try await failure { try await works(configuration) }
        #expect(error.code == .authenticationFailed)
        #expect(!"\(error)\(configuration)".contains("SU"))
    }

    @Test("an nkey proves who the client is, and the key of a stranger does not")
    func nkey() async throws {
        let users = "authorization { users: [ { nkey: \(Keys.userKey) } ] }"
        try await TestNATSServer.with(extraConfiguration: users) { server in
            var configuration = server.configuration
            let seed = try write(Keys.userSeed, server, "user.nk")
            configuration.credentials = .nkey(publicKey: Keys.userKey, seedFile: seed)
            try await works(configuration)
            let other = try write(Keys.strangerSeed, server, "stranger.nk")
            configuration.credentials = .nkey(publicKey: Keys.strangerKey, seedFile: other)
            try await isRefused(configuration)
            configuration.credentials = .none
            try await isRefused(configuration)
        }
    }

    @Test("a credentials file proves who the client is")
    func credentialsFile() async throws {
        let accounts = """
            operator: \(Keys.authority)
            resolver: MEMORY
            system_account: \(Keys.accountKey)
            resolver_preload: { \(Keys.accountKey): \(Keys.account) }
            """
        try await TestNATSServer.with(extraConfiguration: accounts, jetStream: false) { server in
            func file(_ seed: String) -> String {
                """
                -----BEGIN NATS USER JWT-----
                \(Keys.user)
                ------END NATS USER JWT------

                -----BEGIN USER NKEY SEED-----
                \(seed)
                ------END USER NKEY SEED------
                """
            }
            var configuration = server.configuration
            configuration.credentials = .file(try write(file(Keys.userSeed), server, "user.creds"))
            try await works(configuration)
            configuration.credentials = .file(try write(file(Keys.strangerSeed), server, "stranger.creds"))
            try await isRefused(configuration)
        }
    }
}
