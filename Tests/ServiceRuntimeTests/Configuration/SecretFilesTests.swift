import Foundation
import Testing

@testable import ServiceRuntime

@Suite("Secrets from files")
struct SecretFilesTests {
    /// Writes a file, and removes it after the body.
    private func withFile(_ content: Data, _ body: (_ path: String) -> Void) throws {
        let path = FileManager.default.temporaryDirectory.path + "/contrail-secret-\(UUID().uuidString.prefix(8))"
        try content.write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        body(path)
    }

    @Test(
        "A file's content becomes the variable, without one line break at its end",
        arguments: [("s3cret", "s3cret"), ("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), (" a b\n\n", " a b\n")]
    )
    func content(_ content: String, _ expected: String) throws {
        try withFile(Data(content.utf8)) { path in
            for variable in SecretFiles.variables {
                let (environment, refusals) = SecretFiles.resolve([variable + "_FILE": path, "PGHOST": "db"])
                #expect(environment[variable] == expected && environment["PGHOST"] == "db")
                #expect(refusals.isEmpty)
            }
        }
    }

    @Test("A variable that is set as well is refused; an empty one counts as not set")
    func both() throws {
        try withFile(Data("s3cret".utf8)) { path in
            let refusals = SecretFiles.resolve(["PGPASSWORD": "other", "PGPASSWORD_FILE": path]).refusals
            #expect(refusals.map(\.key) == ["PGPASSWORD_FILE"])
            #expect(refusals.allSatisfy { !$0.problem.contains("s3cret") && !$0.problem.contains("other") })
            let (environment, none) = SecretFiles.resolve(["PGPASSWORD": "", "PGPASSWORD_FILE": path])
            #expect(environment["PGPASSWORD"] == "s3cret" && none.isEmpty)
            #expect(SecretFiles.resolve(["PGPASSWORD": "a", "PGPASSWORD_FILE": ""]).refusals.isEmpty)
        }
    }

    @Test("A file that cannot be read, is empty or is no text is refused with its name", arguments: [nil, "", "\0"])
    func unusable(_ content: String?) throws {
        let check = { (path: String) in
            let (environment, refusals) = SecretFiles.resolve(["NATS_PASSWORD_FILE": path])
            #expect(environment["NATS_PASSWORD"] == nil)
            #expect(refusals.count == 1 && refusals.allSatisfy { $0.key == "NATS_PASSWORD_FILE" })
            #expect(refusals.allSatisfy { $0.problem.contains(path) })
        }
        if let content {
            try withFile(Data(content.utf8), check)
            try withFile(Data([0xff, 0xfe]), check)
        } else {
            check("/nonexistent/secret")
        }
    }

    @Test("Other variables that end so are left alone")
    func others() {
        let environment = ["NATS_NKEY_SEED_FILE": "/nonexistent/seed", "PGHOST_FILE": "/nonexistent/host"]
        let resolved = SecretFiles.resolve(environment)
        #expect(resolved.environment == environment && resolved.refusals.isEmpty)
    }
}
