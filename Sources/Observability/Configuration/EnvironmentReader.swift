/// Reads variables by the OpenTelemetry rules and collects what is wrong with them.
struct EnvironmentReader {
    private let environment: [String: String]
    private(set) var problems: [String] = []

    init(_ environment: [String: String]) {
        self.environment = environment
    }

    /// A variable's value; an empty one is unset.
    func value(_ name: String) -> String? {
        guard let value = environment[name]?.trimmingOWS(), !value.isEmpty else { return nil }
        return String(value)
    }

    /// Notes a problem with a variable, with its value.
    mutating func report(_ name: String, _ problem: String) {
        problems.append("\(name)=\(value(name) ?? "") \(problem)")
    }

    /// `true` in any case is true; what is neither true nor false is reported and false.
    mutating func bool(_ name: String, default fallback: Bool) -> Bool {
        guard let value = value(name)?.lowercased() else { return fallback }
        if value != "true", value != "false" { report(name, "must be true or false; using false") }
        return value == "true"
    }

    /// One of a set of names, in lower case; `nil` when unset or unknown.
    mutating func choice(_ name: String, of choices: [String], fallback: String) -> String? {
        guard let value = value(name)?.lowercased() else { return nil }
        if choices.contains(value) { return value }
        report(name, "must be one of \(choices.joined(separator: ", ")); using \(fallback)")
        return nil
    }

    /// A number from a minimum to 2³¹−1; `nil` when unset or wrong.
    mutating func integer(_ name: String, minimum: Int, fallback: Int) -> Int? {
        guard let text = value(name) else { return nil }
        if let value = Int(text), (minimum...Int(Int32.max)).contains(value) { return value }
        report(name, "must be a whole number of at least \(minimum); using \(fallback)")
        return nil
    }

    /// A share from 0 to 1; 1 when unset or wrong.
    mutating func ratio(_ name: String) -> Double {
        guard let text = value(name) else { return 1 }
        if let value = Double(text), (0...1).contains(value) { return value }
        report(name, "must be a number from 0 to 1; using 1")
        return 1
    }
}
