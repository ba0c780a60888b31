extension JetStreamContext {
    /// Makes sure that a stream exists as configured: creates it, leaves an equal one alone, or updates it.
    ///
    /// It updates only what cannot lose a message or change who may read it: more subjects, higher limits, the
    /// duplicate window, the number of replicas, descriptions and permissions to use newer features. Fields that this
    /// client does not know keep the value that the server has.
    /// - Throws: `JetStreamError` with `.invalidDeclaration` for what can never be right, before anything is asked, and
    ///   with `.configurationConflict` that names each other difference with both values.
    @discardableResult
    public func ensureStream(_ configuration: StreamConfiguration) async throws -> StreamInfo {
        try configuration.validate()
        let name = configuration.name
        let wanted = try JSON.object(configuration)
        var existing = try await streamObject(name)
        if existing == nil {
            do {
                let body = try JSON.encode(configuration)
                return try await call(
                    "STREAM.CREATE.\(name)",
                    body,
                    to: "create stream '\(name)'",
                    returning: StreamInfo.self
                )
            } catch let error as JetStreamError where error.errorCode == 10058 {
                // Somebody else created it in the meantime: compare with theirs.
                existing = try await streamObject(name)
            }
        }
        let plan = ConfigurationChange.stream.plan(wanted: wanted, existing: existing, thing: "stream '\(name)'")
        try plan.check()
        guard let existing, plan.action == .update else { return try await streamInfo(name) }
        return try await call(
            "STREAM.UPDATE.\(name)",
            try JSON.encode(ConfigurationChange.stream.merge(wanted, into: existing)),
            to: "update stream '\(name)'",
            returning: StreamInfo.self
        )
    }

    /// Returns what ``ensureStream(_:)`` would do, and does nothing.
    ///
    /// - Throws: `JetStreamError` with `.invalidDeclaration`, `NATSError`; a conflict is in the plan.
    public func planStream(_ configuration: StreamConfiguration) async throws -> ConfigurationPlan {
        try configuration.validate()
        return ConfigurationChange.stream.plan(
            wanted: try JSON.object(configuration),
            existing: try await streamObject(configuration.name),
            thing: "stream '\(configuration.name)'"
        )
    }

    private func streamObject(_ name: String) async throws -> [String: JSONValue]? {
        do {
            return try await configurationObject("STREAM.INFO.\(name)", "read stream '\(name)'")
        } catch let error as JetStreamError where error.kind == .streamNotFound {
            return nil
        }
    }

    /// Returns what the server says about a stream.
    ///
    /// - Parameter subjects: The subjects to count the messages of, which may have wildcards; `nil` for none.
    /// - Throws: `JetStreamError` with `.streamNotFound`.
    public func streamInfo(_ name: String, subjects: String?) async throws -> StreamInfo {
        try Subjects.validate(name: name, of: "stream")
        let body = try subjects.map { try JSON.encode(["subjects_filter": $0]) } ?? []
        return try await call("STREAM.INFO.\(name)", body, to: "read stream '\(name)'", returning: StreamInfo.self)
    }

    /// Deletes a stream with all its messages and consumers.
    public func deleteStream(_ name: String) async throws {
        try Subjects.validate(name: name, of: "stream")
        _ = try await call("STREAM.DELETE.\(name)", to: "delete stream '\(name)'")
    }

    /// Removes all messages of a stream, or those of one subject; returns how many.
    @discardableResult
    public func purge(_ name: String, subject: String? = nil) async throws -> UInt64 {
        struct Response: Decodable { let purged: UInt64 }
        try Subjects.validate(name: name, of: "stream")
        let body = try subject.map { try JSON.encode(["filter": $0]) } ?? []
        return try await call(
            "STREAM.PURGE.\(name)",
            body,
            to: "purge stream '\(name)'",
            returning: Response.self
        ).purged
    }

    /// Reads a configuration with all its fields.
    func configurationObject(_ subject: String, _ action: String) async throws -> [String: JSONValue] {
        struct Response: Decodable { let config: [String: JSONValue] }
        return try await call(subject, to: action, returning: Response.self).config
    }
}
