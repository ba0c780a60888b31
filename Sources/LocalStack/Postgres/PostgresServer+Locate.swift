public import Foundation
public import Logging

extension PostgresServer {
    /// The oldest version that the event store's SQL and `psql`'s `\getenv` need.
    static let minimumVersion = 14

    /// Finds the newest installed PostgreSQL of version 14 or later, in `PATH` and where distributions put its servers.
    ///
    /// - Parameters:
    ///   - environment: Where `PATH` is looked up.
    ///   - logger: Receives the details of the search at debug level.
    /// - Returns: The installation, whose executable is `postgres`.
    /// - Throws: ``LocalStackError`` that names what was found and how to install the right one.
    public static func locate(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        logger: Logger
    ) async throws -> Installation {
        let files = FileManager.default
        let versioned = ["/usr/lib/postgresql", "/usr/lib64/postgresql"].flatMap { root in
            ((try? files.contentsOfDirectory(atPath: root)) ?? []).map { "\(root)/\($0)/bin/postgres" }
        }
        let candidates = Installation.candidates(named: "postgres", in: environment) + versioned
        var found: [Installation] = []
        for candidate in candidates {
            guard let installation = await Installation.probe(candidate, logger: logger) else { continue }
            let tools = ["initdb", "psql"].map { "\(installation.directory)/\($0)" }
            guard tools.allSatisfy({ files.isExecutableFile(atPath: $0) }) else { continue }
            found.append(installation)
        }
        // The first of the newest, so that PATH wins among equals.
        let newest = found.reduce(nil as Installation?) { best, next in
            guard let best else { return next }
            return best.isAtLeast(next.numbers) ? best : next
        }
        guard let newest, newest.isAtLeast([minimumVersion]) else {
            let old = newest.map { "found '\($0.executable)' \($0.version)" } ?? "found none"
            throw LocalStackError(
                code: .notInstalled,
                message:
                    "PostgreSQL \(minimumVersion) or later (postgres, initdb, psql) is needed; \(old); run dev/setup"
            )
        }
        return newest
    }
}
