extension JetStreamContext {
    /// Makes sure that a stream exists as configured: creates it, leaves an equal one alone, or updates it.
    ///
    /// It updates only what cannot lose a message or change who may read it: more subjects, higher limits, the
    /// duplicate window, the number of replicas, descriptions and permissions to use newer features. Fields that this
    /// client does not know keep the value that the server has.
    /// - Throws: `JetStreamError` with `.configurationConflict` that names each other difference with both values.
    public func ensureStream(_ configuration: StreamConfiguration) async throws -> StreamInfo {
        let name = configuration.name
        try Subjects.validate(name: name, of: "stream")
        let wanted = try JSON.object(configuration)
        let existing: [String: JSONValue]
        do {
            existing = try await configurationObject("STREAM.INFO.\(name)", "read stream '\(name)'")
        } catch let error as JetStreamError where error.kind == .streamNotFound {
            let action = "create stream '\(name)'"
            do {
                let body = try JSON.encode(configuration)
                return try await call("STREAM.CREATE.\(name)", body, to: action, returning: StreamInfo.self)
            } catch let error as JetStreamError where error.errorCode == 10058 {
                // Somebody else created it in the meantime: compare with theirs.
                existing = try await configurationObject("STREAM.INFO.\(name)", "read stream '\(name)'")
            }
        }
        guard
            let update = try ConfigurationChange.stream.plan(
                wanted: wanted,
                existing: existing,
                thing: "stream '\(name)'"
            )
        else { return try await streamInfo(name) }
        let body = try JSON.encode(update)
        return try await call(
            "STREAM.UPDATE.\(name)",
            body,
            to: "update stream '\(name)'",
            returning: StreamInfo.self
        )
    }

    /// Returns what the server says about a stream.
    ///
    /// - Throws: `JetStreamError` with `.streamNotFound`.
    public func streamInfo(_ name: String) async throws -> StreamInfo {
        try Subjects.validate(name: name, of: "stream")
        return try await call("STREAM.INFO.\(name)", to: "read stream '\(name)'", returning: StreamInfo.self)
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
