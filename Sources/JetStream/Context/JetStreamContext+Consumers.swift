extension JetStreamContext {
    /// Makes sure that a durable consumer exists as configured: creates it, leaves an equal one alone, or updates it.
    ///
    /// It updates only limits, waits, descriptions and metadata, never what the consumer reads or from where.
    /// - Throws: `JetStreamError` with `.configurationConflict` that names each other difference with both values.
    public func ensureConsumer(_ configuration: ConsumerConfiguration, on stream: String) async throws -> ConsumerInfo {
        let name = configuration.durableName
        try Subjects.validate(name: stream, of: "stream")
        try Subjects.validate(name: name, of: "consumer")
        let thing = "consumer '\(name)' of stream '\(stream)'"
        let wanted = try JSON.object(configuration)
        let info = "CONSUMER.INFO.\(stream).\(name)"
        let existing: [String: JSONValue]
        do {
            existing = try await configurationObject(info, "read \(thing)")
        } catch let error as JetStreamError where error.kind == .consumerNotFound {
            do {
                return try await createConsumer(wanted, stream, name, action: "create")
            } catch let error as JetStreamError where [10013, 10105, 10148].contains(error.errorCode) {
                // Somebody else created it in the meantime: compare with theirs.
                existing = try await configurationObject(info, "read \(thing)")
            }
        }
        guard let update = try ConfigurationChange.consumer.plan(wanted: wanted, existing: existing, thing: thing)
        else { return try await consumerInfo(stream: stream, consumer: name) }
        return try await createConsumer(update, stream, name, action: "update")
    }

    private func createConsumer(
        _ configuration: [String: JSONValue],
        _ stream: String,
        _ name: String,
        action: String
    ) async throws -> ConsumerInfo {
        let body = try JSON.encode([
            "stream_name": JSONValue.string(stream),
            "config": .object(configuration),
            "action": .string(action),
        ])
        // A single filter is part of the subject, so that permissions can depend on it.
        var subject = "CONSUMER.CREATE.\(stream).\(name)"
        if case .string(let filter) = configuration["filter_subject"] { subject += ".\(filter)" }
        return try await call(
            subject,
            body,
            to: "\(action) consumer '\(name)' of stream '\(stream)'",
            returning: ConsumerInfo.self
        )
    }

    /// Returns what the server says about a consumer.
    ///
    /// - Throws: `JetStreamError` with `.consumerNotFound` or `.streamNotFound`.
    public func consumerInfo(stream: String, consumer: String) async throws -> ConsumerInfo {
        try Subjects.validate(name: stream, of: "stream")
        try Subjects.validate(name: consumer, of: "consumer")
        return try await call(
            "CONSUMER.INFO.\(stream).\(consumer)",
            to: "read consumer '\(consumer)' of stream '\(stream)'",
            returning: ConsumerInfo.self
        )
    }

    /// Deletes a consumer; what it has not acknowledged stays in the stream.
    public func deleteConsumer(stream: String, consumer: String) async throws {
        try Subjects.validate(name: stream, of: "stream")
        try Subjects.validate(name: consumer, of: "consumer")
        _ = try await call(
            "CONSUMER.DELETE.\(stream).\(consumer)",
            to: "delete consumer '\(consumer)' of stream '\(stream)'"
        )
    }
}
