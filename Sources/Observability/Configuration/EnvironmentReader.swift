/// Reads variables by the OpenTelemetry rules and collects what is wrong with them, each variable once.
struct EnvironmentReader {
    private let environment: [String: String]
    private(set) var problems: [String] = []
    private var reported: Set<String> = []

    init(_ environment: [String: String]) {
        self.environment = environment
    }

    /// The names of all variables that have a value, in alphabetical order.
    var names: [String] { environment.keys.sorted().filter { value($0) != nil } }

    /// A variable's value; an empty one is unset.
    func value(_ name: String) -> String? {
        guard let value = environment[name]?.trimmingOWS(), !value.isEmpty else { return nil }
        return String(value)
    }

    /// Notes a problem with a variable, with its value unless that may be a secret.
    mutating func report(_ name: String, _ problem: String, isSecret: Bool = false) {
        guard reported.insert(name).inserted else { return }
        problems.append(isSecret ? "\(name) \(problem)" : "\(name)=\(value(name) ?? "") \(problem)")
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

    /// Names with commas between, in any case, or `none`.
    ///
    /// - Returns: The known names, each once and in order, none for `none`; `nil` when the variable is unset or has no
    ///   known name.
    mutating func list(_ name: String, of choices: [String], fallback: String) -> [String]? {
        guard let value = value(name)?.lowercased() else { return nil }
        var known: [String] = []
        var isSound = true
        let items = value.split(separator: ",").map { String($0.trimmingOWS()) }.filter { !$0.isEmpty }
        for item in items where item != "none" {
            if !choices.contains(item) {
                isSound = false
            } else if !known.contains(item) {
                known.append(item)
            }
        }
        // `none` beside other names contradicts them.
        if items.contains("none") {
            if known.isEmpty, isSound { return [] }
            isSound = false
        }
        if !isSound || known.isEmpty {
            let used = known.isEmpty ? fallback : known.joined(separator: ",")
            let names = choices.joined(separator: ", ")
            report(name, "must have names of \(names) with commas between, or be none; using \(used)")
        }
        return known.isEmpty ? nil : known
    }

    /// A number from a minimum to 2³¹−1; `nil` when unset or wrong.
    ///
    /// - Parameter maximum: What is used when the number is larger.
    mutating func integer(_ name: String, minimum: Int, maximum: Int? = nil, fallback: Int) -> Int? {
        guard let text = value(name) else { return nil }
        if let value = Int(text), (minimum...Int(Int32.max)).contains(value) {
            guard let maximum, value > maximum else { return value }
            report(name, "must be at most \(maximum); using \(maximum)")
            return maximum
        }
        report(name, "must be a whole number from \(minimum) to \(maximum ?? Int(Int32.max)); using \(fallback)")
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
