/// Looks values up in a scrape.
enum Exposition {
    /// The value of the first series of a metric that has the labels, written as `name="value"`.
    static func value(_ name: String, _ labels: [String], in text: String) -> Double? {
        text.split(separator: "\n").first { line in
            guard line.hasPrefix(name), let next = line.dropFirst(name.count).first, next == "{" || next == " " else {
                return false
            }
            return labels.allSatisfy { line.contains($0) }
        }
        .flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }
    }
}
