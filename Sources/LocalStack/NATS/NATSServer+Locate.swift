public import Foundation
public import Logging

extension NATSServer {
    /// The oldest version that leaves `traceparent` alone and has what the streams need.
    static let minimumVersion = [2, 14]

    /// Finds an installed `nats-server` of version 2.14 or later: `$NATS_SERVER` when it is set, otherwise
    /// `.tools/bin/nats-server` of the clone, otherwise `PATH`.
    ///
    /// - Parameters:
    ///   - environment: Where `NATS_SERVER` and `PATH` are looked up.
    ///   - logger: Receives the details of the search at debug level.
    /// - Throws: ``LocalStackError`` that names what was found and how to install the right one.
    public static func locate(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        logger: Logger
    ) async throws -> Installation {
        let candidates =
            if let chosen = environment["NATS_SERVER"], !chosen.isEmpty {
                [chosen]
            } else {
                Installation.candidates(inCloneAt: ".tools/bin/nats-server")
                    + Installation.candidates(named: "nats-server", in: environment)
            }
        var refused: [String] = []
        for candidate in candidates {
            guard let found = await Installation.probe(candidate, logger: logger) else {
                refused.append("'\(candidate)' does not run")
                continue
            }
            if found.isAtLeast(minimumVersion) { return found }
            refused.append("'\(candidate)' is \(found.version)")
        }
        let minimum = minimumVersion.map { String($0) }.joined(separator: ".")
        throw LocalStackError(
            code: .notInstalled,
            message: """
                nats-server \(minimum) or later is needed; \
                \(refused.isEmpty ? "found none" : "found " + refused.joined(separator: ", ")); \
                run dev/setup, or name one with NATS_SERVER
                """
        )
    }
}
