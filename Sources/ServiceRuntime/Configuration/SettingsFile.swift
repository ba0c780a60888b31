private import Foundation

/// Reads settings from the file that `CONTRAIL_SETTINGS_FILE` names, where somebody prefers a file to many variables.
///
/// A line is `NAME=value`; what follows the first `=` is the value as it is, without quotes or escapes. Empty lines and
/// lines that begin with `#` are left out. A variable of the environment that is not empty wins over the file. It is read
/// once, at the start.
enum SettingsFile {
    static let variable = "CONTRAIL_SETTINGS_FILE"

    /// Puts what the file has into the environment.
    ///
    /// - Parameter environment: All variables of the process; an empty one is unset.
    /// - Returns: The variables with those of the file, and what is wrong with it. Of a file with a mistake nothing is used.
    static func resolve(_ environment: [String: String]) -> (environment: [String: String], problems: [String]) {
        guard let path = environment[variable], !path.isEmpty else { return (environment, []) }
        let text: String
        do {
            text = try TextFile.read(path)
        } catch {
            return (environment, ["names \(path), which \(error.reason)"])
        }
        let (settings, problems) = parse(text)
        guard problems.isEmpty else { return (environment, problems.map { "names \(path), \($0)" }) }
        return (settings.merging(environment) { $1.isEmpty ? $0 : $1 }, [])
    }

    /// Reads the lines. A problem names the line's number, and never its value, which may be a secret.
    static func parse(_ text: String) -> (settings: [String: String], problems: [String]) {
        var settings: [String: String] = [:]
        var problems: [String] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            guard let first = line.first(where: { !$0.isWhitespace }), first != "#" else { continue }
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if parts.count < 2 || !isName(name) {
                problems.append("whose line \(index + 1) is not NAME=value")
            } else if parts[1].count > 1, let quote = parts[1].first, "\"'".contains(quote), parts[1].last == quote {
                problems.append("whose line \(index + 1) has quotes around the value of \(name); leave them out")
            } else if name == variable {
                problems.append("whose line \(index + 1) names another file; there can be one")
            } else if settings.updateValue(String(parts[1]), forKey: name) != nil {
                problems.append("whose line \(index + 1) sets \(name) again")
            }
        }
        return (settings, problems)
    }

    private static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
            default: false
            }
        }
    }
}

extension Settings {
    /// Creates a reader of the process's environment, of the file with settings that it names and of the files with secrets.
    /// What is wrong with a file is noted as a problem.
    ///
    /// - Parameters:
    ///   - variables: All variables of the process.
    ///   - secrets: Whether files with secrets are read; a health check needs none.
    static func process(
        _ variables: [String: String] = ProcessInfo.processInfo.environment,
        secrets: Bool = true
    ) -> Settings {
        let (filled, problems) = SettingsFile.resolve(variables)
        let (environment, refusals) = secrets ? SecretFiles.resolve(filled) : (filled, [])
        var settings = Settings(environment: environment)
        for problem in problems { settings.refuse(SettingsFile.variable, problem, showsValue: false) }
        for refusal in refusals { settings.refuse(refusal.key, refusal.problem, showsValue: false) }
        return settings
    }
}
