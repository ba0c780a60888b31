/// Reads secrets from files, where orchestrators put them: `PGPASSWORD_FILE` names a file with what `PGPASSWORD` would be.
///
/// The file's content is used without a line break at its end. It is read once, at the start.
enum SecretFiles {
    /// The variables that may come from a file. `NATS_CREDENTIALS` and `NATS_NKEY_SEED_FILE` name files by themselves.
    static let variables = [
        "PGPASSWORD", "NATS_PASSWORD", "NATS_TOKEN", "CONTRAIL_SMTP_PASSWORD", "OTEL_EXPORTER_OTLP_HEADERS",
    ]

    /// A variable that cannot be used.
    struct Refusal: Equatable {
        /// The variable: `PGPASSWORD_FILE`.
        let key: String
        /// What is wrong and what would be right; never anything of the secret.
        let problem: String
    }

    /// Puts the secrets into the environment.
    ///
    /// - Parameter environment: All variables of the process; an empty one is unset.
    /// - Returns: The variables with the secrets, and those that cannot be used.
    static func resolve(_ environment: [String: String]) -> (environment: [String: String], refusals: [Refusal]) {
        var resolved = environment
        var refusals: [Refusal] = []
        for variable in variables {
            let key = variable + "_FILE"
            guard let path = environment[key], !path.isEmpty else { continue }
            guard (environment[variable] ?? "").isEmpty else {
                refusals.append(Refusal(key: key, problem: "is set together with \(variable); set one of them"))
                continue
            }
            do {
                resolved[variable] = try secret(at: path)
            } catch {
                refusals.append(Refusal(key: key, problem: "names \(path), which \(error.reason)"))
            }
        }
        return (resolved, refusals)
    }

    private static func secret(at path: String) throws(TextFile.Unreadable) -> String {
        var text = try TextFile.read(path)
        if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
        guard !text.isEmpty else { throw TextFile.Unreadable(reason: "is empty") }
        return text
    }
}
