extension ConsumerConfiguration {
    private enum CodingKeys: String, CodingKey {
        case description, backoff, metadata
        case durableName = "durable_name"
        case filterSubject = "filter_subject"
        case filterSubjects = "filter_subjects"
        case ackPolicy = "ack_policy"
        case deliverPolicy = "deliver_policy"
        case replayPolicy = "replay_policy"
        case ackWait = "ack_wait"
        case maxDeliver = "max_deliver"
        case maxAckPending = "max_ack_pending"
        case maxWaiting = "max_waiting"
        case replicas = "num_replicas"
    }

    /// Decodes the API's JSON; durations are nanoseconds there.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        durableName = try container.decodeIfPresent(String.self, forKey: .durableName) ?? ""
        description = try container.decodeIfPresent(String.self, forKey: .description)
        filterSubjects = try container.decodeIfPresent([String].self, forKey: .filterSubjects) ?? []
        if let only = try container.decodeIfPresent(String.self, forKey: .filterSubject) { filterSubjects = [only] }
        ackPolicy = try container.decodeIfPresent(AckPolicy.self, forKey: .ackPolicy) ?? .none
        deliverPolicy = try container.decodeIfPresent(DeliverPolicy.self, forKey: .deliverPolicy) ?? .all
        replayPolicy = try container.decodeIfPresent(ReplayPolicy.self, forKey: .replayPolicy) ?? .instant
        ackWait = try container.decodeNanosecondsIfPresent(forKey: .ackWait)
        maxDeliver = try container.decodeIfPresent(Int.self, forKey: .maxDeliver)
        backoff = try container.decodeIfPresent([Int64].self, forKey: .backoff)?.map { .nanoseconds($0) }
        maxAckPending = try container.decodeIfPresent(Int.self, forKey: .maxAckPending)
        maxWaiting = try container.decodeIfPresent(Int.self, forKey: .maxWaiting)
        replicas = try container.decodeIfPresent(Int.self, forKey: .replicas)
        metadata = try container.decodeIfPresent([String: String].self, forKey: .metadata)
    }

    /// Encodes the API's JSON without the fields that are `nil`; one filter is written as `filter_subject`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(durableName, forKey: .durableName)
        try container.encodeIfPresent(description, forKey: .description)
        if filterSubjects.count == 1 {
            try container.encode(filterSubjects[0], forKey: .filterSubject)
        } else if !filterSubjects.isEmpty {
            try container.encode(filterSubjects, forKey: .filterSubjects)
        }
        try container.encode(ackPolicy, forKey: .ackPolicy)
        try container.encode(deliverPolicy, forKey: .deliverPolicy)
        try container.encode(replayPolicy, forKey: .replayPolicy)
        try container.encodeIfPresent(ackWait?.nanoseconds, forKey: .ackWait)
        try container.encodeIfPresent(maxDeliver, forKey: .maxDeliver)
        try container.encodeIfPresent(backoff?.map(\.nanoseconds), forKey: .backoff)
        try container.encodeIfPresent(maxAckPending, forKey: .maxAckPending)
        try container.encodeIfPresent(maxWaiting, forKey: .maxWaiting)
        try container.encodeIfPresent(replicas, forKey: .replicas)
        try container.encodeIfPresent(metadata, forKey: .metadata)
    }
}
