extension StreamConfiguration {
    private enum CodingKeys: String, CodingKey {
        case name, subjects, description, retention, storage, discard, metadata
        case maxAge = "max_age"
        case maxBytes = "max_bytes"
        case maxMessages = "max_msgs"
        case maxMessagesPerSubject = "max_msgs_per_subject"
        case maxMessageSize = "max_msg_size"
        case duplicateWindow = "duplicate_window"
        case replicas = "num_replicas"
        case allowAtomic = "allow_atomic"
        case allowDirect = "allow_direct"
    }

    /// Decodes the API's JSON; durations are nanoseconds there.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        subjects = try container.decodeIfPresent([String].self, forKey: .subjects) ?? []
        description = try container.decodeIfPresent(String.self, forKey: .description)
        retention = try container.decodeIfPresent(Retention.self, forKey: .retention) ?? .limits
        storage = try container.decodeIfPresent(Storage.self, forKey: .storage) ?? .file
        discard = try container.decodeIfPresent(Discard.self, forKey: .discard) ?? .old
        maxAge = try container.decodeNanosecondsIfPresent(forKey: .maxAge)
        maxBytes = try container.decodeIfPresent(Int64.self, forKey: .maxBytes)
        maxMessages = try container.decodeIfPresent(Int64.self, forKey: .maxMessages)
        maxMessagesPerSubject = try container.decodeIfPresent(Int64.self, forKey: .maxMessagesPerSubject)
        maxMessageSize = try container.decodeIfPresent(Int32.self, forKey: .maxMessageSize)
        duplicateWindow = try container.decodeNanosecondsIfPresent(forKey: .duplicateWindow)
        replicas = try container.decodeIfPresent(Int.self, forKey: .replicas)
        allowAtomic = try container.decodeIfPresent(Bool.self, forKey: .allowAtomic)
        allowDirect = try container.decodeIfPresent(Bool.self, forKey: .allowDirect)
        metadata = try container.decodeIfPresent([String: String].self, forKey: .metadata)
    }

    /// Encodes the API's JSON without the fields that are `nil`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(subjects, forKey: .subjects)
        try container.encodeIfPresent(description, forKey: .description)
        try container.encode(retention, forKey: .retention)
        try container.encode(storage, forKey: .storage)
        try container.encode(discard, forKey: .discard)
        try container.encodeIfPresent(maxAge?.nanoseconds, forKey: .maxAge)
        try container.encodeIfPresent(maxBytes, forKey: .maxBytes)
        try container.encodeIfPresent(maxMessages, forKey: .maxMessages)
        try container.encodeIfPresent(maxMessagesPerSubject, forKey: .maxMessagesPerSubject)
        try container.encodeIfPresent(maxMessageSize, forKey: .maxMessageSize)
        try container.encodeIfPresent(duplicateWindow?.nanoseconds, forKey: .duplicateWindow)
        try container.encodeIfPresent(replicas, forKey: .replicas)
        try container.encodeIfPresent(allowAtomic, forKey: .allowAtomic)
        try container.encodeIfPresent(allowDirect, forKey: .allowDirect)
        try container.encodeIfPresent(metadata, forKey: .metadata)
    }
}

extension KeyedDecodingContainer {
    /// Decodes nanoseconds as the API writes them.
    func decodeNanosecondsIfPresent(forKey key: Key) throws -> Duration? {
        try decodeIfPresent(Int64.self, forKey: key).map { .nanoseconds($0) }
    }
}
