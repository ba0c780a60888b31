/// The names of attributes, pinned to OpenTelemetry semantic conventions 1.44, and our own beside them.
///
/// One constant for each name, so that an upgrade is one change. The last group has no convention to follow:
/// `messaging.nats.*` and `contrail.*` are ours.
public enum SemanticConventions {
    /// The version that the names belong to.
    public static let schemaURL = "https://opentelemetry.io/schemas/1.44.0"

    // General.
    public static let errorType = "error.type"
    public static let exceptionType = "exception.type"
    public static let serverAddress = "server.address"
    public static let serverPort = "server.port"
    public static let networkPeerAddress = "network.peer.address"
    public static let networkPeerPort = "network.peer.port"
    public static let codeFunctionName = "code.function.name"
    public static let codeFilePath = "code.file.path"
    public static let codeLineNumber = "code.line.number"

    // Resource.
    public static let serviceName = "service.name"
    public static let serviceVersion = "service.version"
    public static let serviceInstanceID = "service.instance.id"
    public static let telemetrySDKLanguage = "telemetry.sdk.language"
    public static let telemetrySDKName = "telemetry.sdk.name"
    public static let telemetrySDKVersion = "telemetry.sdk.version"
    public static let processPID = "process.pid"

    // RPC (release candidate). Renamed to `rpc.status_code` after 1.44.
    public static let rpcSystemName = "rpc.system.name"
    public static let rpcMethod = "rpc.method"
    public static let rpcStatusCode = "rpc.response.status_code"

    // Messaging (development).
    public static let messagingSystem = "messaging.system"
    public static let messagingOperationName = "messaging.operation.name"
    public static let messagingOperationType = "messaging.operation.type"
    public static let messagingDestinationName = "messaging.destination.name"
    public static let messagingDestinationTemplate = "messaging.destination.template"
    public static let messagingConsumerGroupName = "messaging.consumer.group.name"
    public static let messagingMessageID = "messaging.message.id"
    public static let messagingMessageBodySize = "messaging.message.body.size"

    // Database (stable).
    public static let dbSystemName = "db.system.name"
    public static let dbNamespace = "db.namespace"
    public static let dbQuerySummary = "db.query.summary"
    public static let dbQueryText = "db.query.text"
    public static let dbResponseStatusCode = "db.response.status_code"
    public static let dbOperationBatchSize = "db.operation.batch.size"

    // CloudEvents (development).
    public static let cloudEventsID = "cloudevents.event_id"
    public static let cloudEventsType = "cloudevents.event_type"
    public static let cloudEventsSource = "cloudevents.event_source"

    // Ours.
    public static let natsStream = "messaging.nats.stream"
    public static let natsConsumer = "messaging.nats.consumer"
    public static let natsStreamSequence = "messaging.nats.stream_sequence"
    public static let natsDeliveryCount = "messaging.nats.delivery_count"
    public static let natsDuplicate = "messaging.nats.duplicate"
    public static let stage = "contrail.stage"
    public static let eventAge = "contrail.event.age"
    public static let clockSkew = "contrail.clock_skew"
    public static let outcome = "contrail.outcome"
    public static let orderID = "contrail.order.id"
    public static let userID = "contrail.user.id"
    public static let notificationID = "contrail.notification.id"
    public static let notificationChannel = "contrail.notification.channel"
    public static let retryReason = "contrail.retry.reason"
    public static let retryDelay = "contrail.retry.delay"
    public static let deadLetterReason = "contrail.dead_letter.reason"
}
