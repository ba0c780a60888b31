import ContrailCLI
import Logging

@testable import LocalStack

extension Stack {
    /// Runs a statement as the database's superuser.
    func sql(_ database: String, _ statement: String) async throws {
        let psql = Command(
            executable: postgres.binaries + "/psql",
            arguments: ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--command=\(statement)"],
            environment: try postgres.superuserEnvironment(database: database)
        )
        try await LocalStack.Tool.runSuccessfully(
            psql,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}
