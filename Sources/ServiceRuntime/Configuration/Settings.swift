public import struct ContrailInstrumentation.NetworkAddress

/// Reads a process's settings from the environment, once, and remembers each for `--help`.
///
/// Every setting has a default that works with the local stack. Wrong values are collected, so that one start reports
/// all of them.
public struct Settings {
    /// A variable that the process reads.
    public struct Entry: Sendable, Hashable {
        /// The variable's name.
        public let key: String
        /// What is used when it is unset, as text.
        public let fallback: String
        /// What it is for.
        public let help: String
    }

    /// All variables of the process.
    public let environment: [String: String]
    /// What was read, in order.
    public private(set) var entries: [Entry] = []
    /// What is wrong: the key, the value and what would be right.
    public private(set) var problems: [String] = []

    /// Creates a reader.
    public init(environment: [String: String]) {
        self.environment = environment
    }

    /// Notes variables that something else reads, for `--help`.
    public mutating func document(_ key: String, default fallback: String, _ help: String) {
        entries.append(Entry(key: key, fallback: fallback, help: help))
    }

    /// Notes that a value is wrong.
    ///
    /// - Parameters:
    ///   - key: The variable.
    ///   - problem: What is wrong with it and what would be right.
    ///   - showsValue: Whether the value may be printed; not where somebody may have put a password into it.
    public mutating func refuse(_ key: String, _ problem: String, showsValue: Bool = true) {
        problems.append(showsValue ? "\(key)=\(environment[key] ?? "") \(problem)" : "\(key) \(problem)")
    }

    /// Makes something that reads variables itself. When they are wrong, its error is noted and the defaults are used, so
    /// that the settings after it are checked too; the process does not start then.
    ///
    /// - Throws: What `make` throws for the defaults.
    mutating func making<T>(
        falling environment: [String: String],
        _ make: ([String: String]) throws -> T
    ) throws -> T {
        do {
            return try make(environment)
        } catch {
            problems.append("\(error)")
            return try make([:])
        }
    }

    /// Reads a text; an empty one is unset.
    public mutating func string(_ key: String, default fallback: String, _ help: String) -> String {
        document(key, default: fallback, help)
        guard let value = environment[key], !value.isEmpty else { return fallback }
        return value
    }

    /// Reads a whole number.
    public mutating func int(_ key: String, default fallback: Int, in range: ClosedRange<Int>, _ help: String) -> Int {
        let text = string(key, default: String(fallback), help)
        if let value = Int(text), range.contains(value) { return value }
        refuse(key, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        return fallback
    }

    /// Reads a time as `250ms`, `5s` or `2m`, from a millisecond to an hour.
    public mutating func duration(_ key: String, default fallback: String, _ help: String) -> Duration {
        let text = string(key, default: fallback, help)
        if let duration = Self.duration(text) { return duration }
        refuse(key, "must be a time such as 250ms, 5s or 2m, at most an hour")
        return Self.duration(fallback) ?? .seconds(1)
    }

    /// Reads `host:port`.
    public mutating func address(_ key: String, default fallback: NetworkAddress, _ help: String) -> NetworkAddress {
        let text = string(key, default: fallback.description, help)
        if let address = NetworkAddress(text) { return address }
        refuse(key, "must be host:port")
        return fallback
    }

    /// Reads one of a set of words.
    public mutating func choice(_ key: String, default fallback: String, of words: [String], _ help: String) -> String {
        let text = string(key, default: fallback, "\(help) (\(words.joined(separator: ", ")))").lowercased()
        if words.contains(text) { return text }
        refuse(key, "must be one of \(words.joined(separator: ", "))")
        return fallback
    }

    static func duration(_ text: String) -> Duration? {
        for (suffix, milliseconds) in [("ms", 1), ("s", 1000), ("m", 60_000)] {
            guard text.hasSuffix(suffix), let count = Int(text.dropLast(suffix.count)) else { continue }
            guard (1...3_600_000 / milliseconds).contains(count) else { return nil }
            return .milliseconds(count * milliseconds)
        }
        return nil
    }
}

/// The settings were wrong.
public struct SettingsError: Error, Sendable, CustomStringConvertible {
    /// One line for each.
    public let problems: [String]

    /// Creates the error.
    public init(problems: [String]) {
        self.problems = problems
    }

    /// All problems, a line each.
    public var description: String { problems.joined(separator: "\n") }
}
