extension JetStreamContext {
    /// Makes sure that a durable consumer exists as configured: creates it, leaves an equal one alone, or updates it.
    ///
    /// It updates only limits, waits, descriptions and metadata, never what the consumer reads or from where.
    /// - Throws: `JetStreamError` with `.invalidDeclaration` for what can never be right, on this stream or beside its
    ///   other consumers, and with `.configurationConflict` that names each other difference with both values.
    @discardableResult
    public func ensureConsumer(_ configuration: ConsumerConfiguration, on stream: String) async throws -> ConsumerInfo {
        let (wanted, found, plan) = try await compare(configuration, stream)
        try plan.check()
        let name = configuration.durableName
        switch plan.action {
        case .create:
            do {
                return try await createConsumer(wanted, stream, name, action: "create")
            } catch let error as JetStreamError where [10013, 10105, 10148].contains(error.errorCode) {
                // Somebody else created it in the meantime: compare with theirs.
                return try await ensureConsumer(configuration, on: stream)
            }
        case .update:
            let merged = ConfigurationChange.consumer.merge(wanted, into: found ?? [:])
            return try await createConsumer(merged, stream, name, action: "update")
        case .keep, .refuse:
            return try await consumerInfo(stream: stream, consumer: name)
        }
    }

    /// Returns what ``ensureConsumer(_:on:)`` would do, and does nothing.
    ///
    /// - Throws: `JetStreamError` with `.invalidDeclaration`, `NATSError`; a conflict is in the plan.
    public func planConsumer(
        _ configuration: ConsumerConfiguration,
        on stream: String
    ) async throws -> ConfigurationPlan {
        try await compare(configuration, stream).plan
    }

    private func compare(
        _ configuration: ConsumerConfiguration,
        _ stream: String
    ) async throws -> (wanted: [String: JSONValue], found: [String: JSONValue]?, plan: ConfigurationPlan) {
        let name = configuration.durableName
        try Subjects.validate(name: stream, of: "stream")
        try configuration.validate()
        let thing = "consumer '\(name)' of stream '\(stream)'"
        let wanted = try JSON.object(configuration)
        var found: [String: JSONValue]?
        do {
            found = try await configurationObject("CONSUMER.INFO.\(stream).\(name)", "read \(thing)")
        } catch let error as JetStreamError where error.kind == .consumerNotFound {
            try await validate(configuration, beside: stream)
        }
        let plan = ConfigurationChange.consumer.plan(wanted: wanted, existing: found, thing: thing)
        return (wanted, found, plan)
    }

    /// Refuses a new consumer that the stream, or another consumer of it, makes impossible.
    ///
    /// Who may not read the stream's information leaves the refusal to the server.
    private func validate(_ configuration: ConsumerConfiguration, beside stream: String) async throws {
        do {
            let info = try await streamInfo(stream)
            let others =
                info.configuration.retention == .workQueue ? try await consumers(of: stream).map(\.configuration) : []
            try configuration.validate(on: info.configuration, beside: others)
        } catch let error as NATSError where error.code == .permissionDenied {
            return
        }
    }

    /// Returns what the server says about all consumers of a stream (JetStream API `CONSUMER.LIST`).
    ///
    /// - Throws: `JetStreamError` with `.streamNotFound`.
    public func consumers(of stream: String) async throws -> [ConsumerInfo] {
        struct Page: Decodable {
            let total: Int
            let consumers: [ConsumerInfo]?
        }
        try Subjects.validate(name: stream, of: "stream")
        var found: [ConsumerInfo] = []
        while true {
            let page = try await call(
                "CONSUMER.LIST.\(stream)",
                try JSON.encode(["offset": found.count]),
                to: "list the consumers of stream '\(stream)'",
                returning: Page.self
            )
            let consumers = page.consumers ?? []
            found += consumers
            if consumers.isEmpty || found.count >= page.total { return found }
        }
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
        // A single filter is part of the subject, so that permissions can depend on it; one with wildcards cannot be.
        var subject = "CONSUMER.CREATE.\(stream).\(name)"
        if case .string(let filter) = configuration["filter_subject"],
            !filter.utf8.contains(where: { "*>".utf8.contains($0) })
        {
            subject += ".\(filter)"
        }
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
