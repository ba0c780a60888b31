internal import Yams

/// A mapping of a specification, which knows where it stands and refuses what nobody reads.
struct YAMLMapping {
    private let node: Node
    private let mapping: Node.Mapping
    private let file: String
    private let path: String

    /// Reads a document.
    ///
    /// - Parameters:
    ///   - text: The YAML.
    ///   - file: Its name, for errors.
    /// - Throws: ``SLOSpecificationError`` when it is no YAML, or no mapping.
    init(document text: String, file: String) throws {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw SLOSpecificationError(file: file, line: nil, path: "", problem: "it is no YAML: \(error)")
        }
        guard let root else {
            throw SLOSpecificationError(file: file, line: nil, path: "", problem: "it is empty")
        }
        try self.init(root, file: file, path: "")
    }

    private init(_ node: Node, file: String, path: String) throws {
        guard case .mapping(let mapping) = node else {
            throw SLOSpecificationError(
                file: file,
                line: node.mark?.line,
                path: path,
                problem: "a mapping of keys and values belongs here"
            )
        }
        (self.node, self.mapping, self.file, self.path) = (node, mapping, file, path)
    }

    /// Refuses keys that are not known: they would have no effect, and whoever wrote them expects one.
    func allow(_ known: String...) throws {
        for (key, _) in mapping {
            let name = key.scalar?.string ?? ""
            guard !known.contains(name) else { continue }
            throw SLOSpecificationError(
                file: file,
                line: key.mark?.line,
                path: join(name),
                problem: "there is no such key here; known are \(known.joined(separator: ", "))"
            )
        }
    }

    /// Reads a mapping that must be there.
    func map(_ key: String) throws -> YAMLMapping {
        try YAMLMapping(required(key), file: file, path: join(key))
    }

    /// Reads a mapping that may be absent.
    func mapIfPresent(_ key: String) throws -> YAMLMapping? {
        try value(key).map { try YAMLMapping($0, file: file, path: join(key)) }
    }

    /// Reads a list of mappings that must not be empty.
    func list(_ key: String) throws -> [YAMLMapping] {
        guard case .sequence(let sequence) = try required(key), !sequence.isEmpty else {
            throw error(key, "a list with at least one entry belongs here")
        }
        return try sequence.enumerated().map { try YAMLMapping($1, file: file, path: join("\(key)[\($0)]")) }
    }

    /// Reads a text that must be there and not be empty.
    func string(_ key: String) throws -> String {
        guard let text = try required(key).scalar?.string, !text.allSatisfy(\.isWhitespace) else {
            throw error(key, "a text belongs here")
        }
        return text
    }

    /// Reads a text that may be absent.
    func stringIfPresent(_ key: String) throws -> String? {
        value(key) == nil ? nil : try string(key)
    }

    /// Reads whether something is switched on or off.
    func bool(_ key: String, default fallback: Bool) throws -> Bool {
        guard let value = value(key) else { return fallback }
        guard let flag = value.bool else { throw error(key, "\(text(value)) is neither true nor false") }
        return flag
    }

    /// Reads all keys and texts, such as labels.
    func strings() throws -> [String: String] {
        var found: [String: String] = [:]
        for (key, _) in mapping {
            let name = key.scalar?.string ?? ""
            found[name] = try string(name)
        }
        return found
    }

    /// Describes what is wrong with a key's value.
    func error(_ key: String, _ problem: String) -> SLOSpecificationError {
        let line = (value(key) ?? node).mark?.line
        return SLOSpecificationError(file: file, line: line, path: join(key), problem: problem)
    }

    private func required(_ key: String) throws -> Node {
        guard let value = value(key) else { throw error(key, "it is missing") }
        return value
    }

    private func value(_ key: String) -> Node? {
        mapping.first { $0.key.scalar?.string == key }?.value
    }

    private func text(_ node: Node) -> String { node.scalar.map { "“\($0.string)”" } ?? "what is there" }

    private func join(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
