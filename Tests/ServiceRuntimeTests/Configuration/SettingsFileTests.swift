import Foundation
import Resilience
import Testing

@testable import ServiceRuntime

@Suite("Settings from a file")
struct SettingsFileTests {
    /// Writes a file, and removes it after the body.
    private func withFile(_ content: Data, _ body: (_ path: String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/contrail-settings-\(UUID().uuidString.prefix(8))"
        try content.write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test("A line is a name and a value, which is taken as it is")
    func lines() {
        let text =
            "\u{20} # a comment\n\nCONTRAIL_USERS_BREAKER=failure=50%,calls=20\r\nA1_=  b c \n  \nEMPTY=\nQ=\"\nNOTE=# 'x"
        let (settings, problems) = SettingsFile.parse(text)
        #expect(problems.isEmpty)
        #expect(
            settings == [
                "CONTRAIL_USERS_BREAKER": "failure=50%,calls=20", "A1_": "  b c ", "EMPTY": "", "Q": "\"",
                "NOTE": "# 'x",
            ]
        )
    }

    @Test(
        "A line of another form is refused with its number, and without its value",
        arguments: [
            ("s3cret", "line 2"), ("export A=s3cret", "line 2"), (" A=s3cret", "line 2"), ("a=s3cret", "line 2"),
            ("=s3cret", "line 2"), ("1A=s3cret", "line 2"), ("A=\"s3cret\"", "quotes around the value of A"),
            ("A='s3cret'", "quotes around the value of A"), ("B=s3cret", "sets B again"),
            ("CONTRAIL_SETTINGS_FILE=s3cret", "names another file"),
        ]
    )
    func wrongLines(_ line: String, _ problem: String) throws {
        try withFile(Data("B=1\n\(line)\n".utf8)) { path in
            let settings = Settings.process(["CONTRAIL_SETTINGS_FILE": path, "C": "2"])
            #expect(
                settings.problems.count == 1 && settings.environment["B"] == nil && settings.environment["C"] == "2"
            )
            let text = try #require(settings.problems.first)
            #expect(text.hasPrefix("CONTRAIL_SETTINGS_FILE names \(path), whose line 2 "), "\(text)")
            #expect(text.contains(problem) && !text.contains("s3cret"), "\(text)")
        }
    }

    @Test("The environment wins over the file unless it is empty, and secrets may be named in the file")
    func precedence() throws {
        try withFile(Data("s3cret\n".utf8)) { secret in
            try withFile(Data("A=file\nB=file\nC=file\nPGPASSWORD_FILE=\(secret)\n".utf8)) { path in
                let variables = ["CONTRAIL_SETTINGS_FILE": path, "A": "environment", "B": ""]
                let settings = Settings.process(variables)
                #expect(settings.problems.isEmpty)
                #expect(settings.environment["A"] == "environment" && settings.environment["B"] == "file")
                #expect(settings.environment["C"] == "file" && settings.environment["PGPASSWORD"] == "s3cret")
                #expect(Settings.process(variables, secrets: false).environment["PGPASSWORD"] == nil)
            }
        }
    }

    @Test("How calls to a target are protected may be said in the file")
    func resilience() throws {
        try withFile(Data("CONTRAIL_USERS_TIMEOUT=7s\nCONTRAIL_USERS_BREAKER=open=9s\n".utf8)) { path in
            var settings = Settings.process(["CONTRAIL_SETTINGS_FILE": path])
            let read = settings.resilience("CONTRAIL_USERS", "users", default: ResilienceConfiguration())
            #expect(settings.problems.isEmpty)
            #expect(read.callTimeout == .seconds(7))
            #expect(read.circuitBreaker?.openDuration.initial == .seconds(9))
        }
    }

    @Test(
        "A file that cannot be read or is no text is refused with its name; none is no problem",
        arguments: [nil, "\0"]
    )
    func unusable(_ content: String?) throws {
        let check = { (path: String) in
            let settings = Settings.process(["CONTRAIL_SETTINGS_FILE": path])
            #expect(settings.problems.count == 1 && settings.problems.allSatisfy { $0.contains(path) })
        }
        if let content {
            try withFile(Data(content.utf8), check)
            try withFile(Data([0x41, 0x3d, 0xff]), check)
        } else {
            check("/nonexistent/settings")
            #expect(Settings.process(["CONTRAIL_SETTINGS_FILE": ""]).problems.isEmpty)
        }
    }
}
