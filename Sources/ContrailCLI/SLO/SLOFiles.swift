internal import Foundation

/// The specifications on disk, and the rules that are made of them.
struct SLOFiles {
    /// Where specifications are when none is named.
    static let specifications = "observability/slo"
    /// Where rules go.
    static let rules = "observability/prometheus/rules"

    /// A file of rules, as it should be.
    struct Generated {
        let source: String
        let path: String
        let text: String
    }

    let generated: [Generated]
    private let output: String
    private let isComplete: Bool

    /// Reads specifications and makes their rules; writes nothing.
    ///
    /// - Parameters:
    ///   - sources: The specifications; none are those of the project.
    ///   - output: The folder of the rules.
    /// - Throws: ``Failure`` when a file or the folder is not there, ``SLOSpecificationError`` when one is wrong.
    init(_ sources: [String], output: String) throws {
        isComplete = sources.isEmpty
        self.output = output
        var generated: [Generated] = []
        for source in try sources.isEmpty ? Self.all() : sources {
            guard let text = try? String(contentsOfFile: source, encoding: .utf8) else {
                throw Failure.refused(
                    "\(source) cannot be read as a text; name a specification, or none for all of them"
                )
            }
            let specification = try SLOSpecification(text, file: source)
            let path = "\(output)/slo-\(specification.service).yml"
            if let other = generated.first(where: { $0.path == path }) {
                throw Failure.refused(
                    "\(other.source) and \(source) are both about “\(specification.service)”; one service has one file"
                )
            }
            let rules = SLORules.file(specification, source: Self.relative(source))
            generated.append(Generated(source: source, path: path, text: rules.text))
        }
        self.generated = generated
    }

    /// Writes what has changed.
    ///
    /// - Returns: The paths that were written.
    /// - Throws: What the file system throws.
    func write() throws -> [String] {
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        let changed = generated.filter { Self.read($0.path) != $0.text }
        for file in changed {
            try file.text.write(toFile: file.path, atomically: true, encoding: .utf8)
        }
        return changed.map(\.path)
    }

    /// Compares the rules on disk with what they should be.
    ///
    /// - Returns: One line for each file that differs.
    func differences() -> [String] {
        var found: [String] = generated.compactMap { file in
            guard let there = Self.read(file.path) else {
                return "\(file.path) is missing; it is made of \(file.source)"
            }
            guard there != file.text else { return nil }
            let (old, new) = (there.split(separator: "\n"), file.text.split(separator: "\n"))
            let line = zip(old, new).enumerated().first { $1.0 != $1.1 }?.offset ?? min(old.count, new.count)
            return "\(file.path):\(line + 1) is not what \(file.source) makes of it"
        }
        if isComplete {
            let known = Set(generated.map(\.path))
            let there = (try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []
            found += there.sorted().map { "\(output)/\($0)" }
                .filter { $0.hasSuffix(".yml") && $0.contains("/slo-") && !known.contains($0) }
                .map { "\($0) is made of no specification; remove it" }
        }
        return found
    }

    private static func all() throws -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: specifications)) ?? []
        let found = names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".yml") }.sorted()
        guard !found.isEmpty else {
            throw Failure.refused(
                "there are no specifications in \(specifications); run this in the project's folder, or name files"
            )
        }
        return found.map { "\(specifications)/\($0)" }
    }

    private static func read(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    /// A path as others find it: from the project's folder, wherever that is.
    private static func relative(_ path: String) -> String {
        let folder = FileManager.default.currentDirectoryPath + "/"
        return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : path
    }
}
