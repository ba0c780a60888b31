/// The names of attributes, pinned to OpenTelemetry semantic conventions 1.44, and our own beside them.
///
/// One constant for each name, so that an upgrade is one change; ``declarations`` says what each means. The last group
/// has no convention to follow: `messaging.nats.*` and `contrail.*` are ours.
public enum SemanticConventions {
    /// The version that the names belong to.
    public static let schemaURL = "https://opentelemetry.io/schemas/1.44.0"

    // General.
    /// `error.type`
    public static let errorType = "error.type"
    /// `exception.type`
    public static let exceptionType = "exception.type"
    /// `server.address`
    public static let serverAddress = "server.address"
    /// `server.port`
    public static let serverPort = "server.port"
    /// `network.peer.address`
    public static let networkPeerAddress = "network.peer.address"
    /// `network.peer.port`
    public static let networkPeerPort = "network.peer.port"
    /// `code.function.name`
    public static let codeFunctionName = "code.function.name"
    /// `code.file.path`
    public static let codeFilePath = "code.file.path"
    /// `code.line.number`
    public static let codeLineNumber = "code.line.number"

    // Resource.
    /// `service.name`
    public static let serviceName = "service.name"
    /// `service.version`
    public static let serviceVersion = "service.version"
    /// `service.instance.id`
    public static let serviceInstanceID = "service.instance.id"
    /// `telemetry.sdk.language`
    public static let telemetrySDKLanguage = "telemetry.sdk.language"
    /// `telemetry.sdk.name`
    public static let telemetrySDKName = "telemetry.sdk.name"
    /// `telemetry.sdk.version`
    public static let telemetrySDKVersion = "telemetry.sdk.version"
    /// `process.pid`
    public static let processPID = "process.pid"

    // RPC (release candidate). Renamed to `rpc.status_code` after 1.44.
    /// `rpc.system.name`
    public static let rpcSystemName = "rpc.system.name"
    /// `rpc.method`
    public static let rpcMethod = "rpc.method"
    /// `rpc.response.status_code`
    public static let rpcStatusCode = "rpc.response.status_code"

    // Messaging (development).
    /// `messaging.system`
    public static let messagingSystem = "messaging.system"
    /// `messaging.operation.name`
    public static let messagingOperationName = "messaging.operation.name"
    /// `messaging.operation.type`
    public static let messagingOperationType = "messaging.operation.type"
    /// `messaging.destination.name`
    public static let messagingDestinationName = "messaging.destination.name"
    /// `messaging.destination.template`
    public static let messagingDestinationTemplate = "messaging.destination.template"
    /// `messaging.consumer.group.name`
    public static let messagingConsumerGroupName = "messaging.consumer.group.name"
    /// `messaging.message.id`
    public static let messagingMessageID = "messaging.message.id"
    /// `messaging.message.body.size`
    public static let messagingMessageBodySize = "messaging.message.body.size"

    // Database (stable).
    /// `db.system.name`
    public static let dbSystemName = "db.system.name"
    /// `db.namespace`
    public static let dbNamespace = "db.namespace"
    /// `db.query.summary`
    public static let dbQuerySummary = "db.query.summary"
    /// `db.query.text`
    public static let dbQueryText = "db.query.text"
    /// `db.response.status_code`
    public static let dbResponseStatusCode = "db.response.status_code"
    /// `db.operation.batch.size`
    public static let dbOperationBatchSize = "db.operation.batch.size"
    /// `db.client.connection.pool.name`
    public static let dbConnectionPoolName = "db.client.connection.pool.name"
    /// `db.client.connection.state`
    public static let dbConnectionState = "db.client.connection.state"

    // CloudEvents (development).
    /// `cloudevents.event_id`
    public static let cloudEventsID = "cloudevents.event_id"
    /// `cloudevents.event_type`
    public static let cloudEventsType = "cloudevents.event_type"
    /// `cloudevents.event_source`
    public static let cloudEventsSource = "cloudevents.event_source"

    // The SDK about itself, and HTTP (labels only).
    /// `otel.component.type`
    public static let otelComponentType = "otel.component.type"
    /// `otel.component.name`
    public static let otelComponentName = "otel.component.name"
    /// `otel.span.parent.origin`
    public static let otelSpanParentOrigin = "otel.span.parent.origin"
    /// `otel.span.sampling_result`
    public static let otelSpanSamplingResult = "otel.span.sampling_result"
    /// `http.response.status_code`
    public static let httpStatusCode = "http.response.status_code"

    // Ours.
    /// `messaging.nats.stream`
    public static let natsStream = "messaging.nats.stream"
    /// `messaging.nats.consumer`
    public static let natsConsumer = "messaging.nats.consumer"
    /// `messaging.nats.stream_sequence`
    public static let natsStreamSequence = "messaging.nats.stream_sequence"
    /// `messaging.nats.delivery_count`
    public static let natsDeliveryCount = "messaging.nats.delivery_count"
    /// `messaging.nats.duplicate`
    public static let natsDuplicate = "messaging.nats.duplicate"
    /// `messaging.nats.advisory`
    public static let natsAdvisory = "messaging.nats.advisory"
    /// `contrail.stage`
    public static let stage = "contrail.stage"
    /// `contrail.stage.accept.duration`
    public static let acceptDuration = "contrail.stage.accept.duration"
    /// `contrail.stage.outbox_wait.duration`
    public static let outboxWaitDuration = "contrail.stage.outbox_wait.duration"
    /// `contrail.stage.publish.duration`
    public static let publishDuration = "contrail.stage.publish.duration"
    /// `contrail.stage.stream_wait.duration`
    public static let streamWaitDuration = "contrail.stage.stream_wait.duration"
    /// `contrail.stage.redelivery_wait.duration`
    public static let redeliveryWaitDuration = "contrail.stage.redelivery_wait.duration"
    /// `contrail.stage.lookup.duration`
    public static let lookupDuration = "contrail.stage.lookup.duration"
    /// `contrail.stage.deliver.duration`
    public static let deliverDuration = "contrail.stage.deliver.duration"
    /// `contrail.stage.record.duration`
    public static let recordDuration = "contrail.stage.record.duration"
    /// `contrail.journey.duration`
    public static let journeyDuration = "contrail.journey.duration"
    /// `contrail.event.age`
    public static let eventAge = "contrail.event.age"
    /// `contrail.clock_skew`
    public static let clockSkew = "contrail.clock_skew"
    /// `contrail.outcome`
    public static let outcome = "contrail.outcome"
    /// `contrail.order.id`
    public static let orderID = "contrail.order.id"
    /// `contrail.user.id`
    public static let userID = "contrail.user.id"
    /// `contrail.notification.id`
    public static let notificationID = "contrail.notification.id"
    /// `contrail.notification.channel`
    public static let notificationChannel = "contrail.notification.channel"
    /// `contrail.notification.late`
    public static let notificationLate = "contrail.notification.late"
    /// `contrail.notification.cause`
    public static let notificationCause = "contrail.notification.cause"
    /// `contrail.notification.cause.reason`
    public static let notificationCauseReason = "contrail.notification.cause.reason"
    /// `contrail.attempt`
    public static let attempt = "contrail.attempt"
    /// `contrail.circuit_breaker.name`
    public static let circuitBreakerName = "contrail.circuit_breaker.name"
    /// `contrail.circuit_breaker.from`
    public static let circuitBreakerFrom = "contrail.circuit_breaker.from"
    /// `contrail.circuit_breaker.to`
    public static let circuitBreakerTo = "contrail.circuit_breaker.to"
    /// `contrail.circuit_breaker.reason`
    public static let circuitBreakerReason = "contrail.circuit_breaker.reason"
    /// `contrail.retry.reason`
    public static let retryReason = "contrail.retry.reason"
    /// `contrail.retry.delay`
    public static let retryDelay = "contrail.retry.delay"
    /// `contrail.dead_letter.reason`
    public static let deadLetterReason = "contrail.dead_letter.reason"
}
