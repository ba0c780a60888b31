/// What an attribute is: its type, what it means and whose name it is. The catalogue of signals is made from these.
public struct AttributeDeclaration: Sendable, Hashable {
    /// The type of the values.
    public enum ValueType: String, Sendable, Hashable, Encodable {
        /// A text.
        case string
        /// A whole number.
        case int
        /// A number.
        case double
        /// True or false.
        case bool
    }

    /// Who defined the name, and how firmly.
    public enum Origin: String, Sendable, Hashable, Encodable {
        /// Stable in OpenTelemetry's conventions.
        case stable = "OpenTelemetry, stable"
        /// A release candidate of OpenTelemetry's conventions.
        case releaseCandidate = "OpenTelemetry, release candidate"
        /// In development in OpenTelemetry's conventions.
        case development = "OpenTelemetry, development"
        /// Ours, because there is no convention.
        case ours
    }

    /// The name.
    public let key: String
    /// The type of the values.
    public let type: ValueType
    /// What it says, as a sentence.
    public let meaning: String
    /// All values that there are; empty when they are not a fixed set.
    public let values: [String]
    /// Who defined the name.
    public let origin: Origin

    init(_ key: String, _ type: ValueType, _ origin: Origin, _ meaning: String, values: [String] = []) {
        self.key = key
        self.type = type
        self.origin = origin
        self.meaning = meaning
        self.values = values
    }
}

extension SemanticConventions {
    /// What each of the names means, in the order of their groups.
    public static let declarations: [AttributeDeclaration] =
        general + resource + rpc + messaging + database + cloudEvents + sdk + ours

    private static let general = [
        AttributeDeclaration(
            errorType,
            .string,
            .stable,
            "What kind of failure it was: a status code, an error's code or a type's name. Absent, or empty as a label, when nothing failed."
        ),
        AttributeDeclaration(exceptionType, .string, .stable, "The type of an error that was recorded."),
        AttributeDeclaration(serverAddress, .string, .stable, "The host that is called, as configured."),
        AttributeDeclaration(serverPort, .int, .stable, "The port that is called, as configured."),
        AttributeDeclaration(networkPeerAddress, .string, .stable, "The address of the other end of the connection."),
        AttributeDeclaration(networkPeerPort, .int, .stable, "The port of the other end of the connection."),
        AttributeDeclaration(codeFunctionName, .string, .stable, "The function that started the span."),
        AttributeDeclaration(codeFilePath, .string, .stable, "The file of the code that started the span."),
        AttributeDeclaration(codeLineNumber, .int, .stable, "The line of the code that started the span."),
    ]

    /// What a resource may have; which of them it has depends on the machine.
    public static let resource = [
        AttributeDeclaration(serviceName, .string, .stable, "The service: OTEL_SERVICE_NAME, or its own name."),
        AttributeDeclaration(serviceVersion, .string, .stable, "The service's version."),
        AttributeDeclaration(serviceInstanceID, .string, .stable, "A UUID, new for each process."),
        AttributeDeclaration(telemetrySDKLanguage, .string, .stable, "The SDK's language.", values: ["swift"]),
        AttributeDeclaration(telemetrySDKName, .string, .stable, "The SDK's name.", values: ["contrail"]),
        AttributeDeclaration(telemetrySDKVersion, .string, .stable, "The SDK's version."),
        AttributeDeclaration(processPID, .int, .development, "The process's number."),
        AttributeDeclaration(processExecutableName, .string, .development, "The program's file name."),
        AttributeDeclaration(processCreationTime, .string, .development, "When the process began, in RFC 3339."),
        AttributeDeclaration(processOwner, .string, .development, "The user that the process runs as."),
        AttributeDeclaration(processRuntimeName, .string, .development, "The runtime.", values: ["swift"]),
        AttributeDeclaration(processRuntimeVersion, .string, .development, "The compiler's version."),
        AttributeDeclaration(hostName, .string, .development, "The host's name."),
        AttributeDeclaration(hostArch, .string, .development, "The processor's architecture: `amd64`, `arm64`."),
        AttributeDeclaration(osType, .string, .development, "The operating system: `linux`."),
        AttributeDeclaration(containerID, .string, .development, "The container, when the process runs in one."),
        AttributeDeclaration(
            deploymentEnvironmentName,
            .string,
            .stable,
            "The environment, when OTEL_RESOURCE_ATTRIBUTES names it."
        ),
    ]

    private static let rpc = [
        AttributeDeclaration(rpcSystemName, .string, .releaseCandidate, "The kind of call.", values: ["grpc"]),
        AttributeDeclaration(
            rpcMethod,
            .string,
            .releaseCandidate,
            "The method with its service: `package.Service/Method`."
        ),
        AttributeDeclaration(
            rpcStatusCode,
            .string,
            .releaseCandidate,
            "The call's gRPC status by name, `OK` included."
        ),
    ]

    private static let messaging = [
        AttributeDeclaration(messagingSystem, .string, .development, "The broker.", values: ["nats"]),
        AttributeDeclaration(
            messagingOperationName,
            .string,
            .development,
            "What is done with the message.",
            values: ["publish", "process", "ack", "nak", "term"]
        ),
        AttributeDeclaration(
            messagingOperationType,
            .string,
            .development,
            "The kind of operation.",
            values: ["send", "process", "settle"]
        ),
        AttributeDeclaration(
            messagingDestinationName,
            .string,
            .development,
            "The subject: an event's type, or `dead.STREAM.CONSUMER`."
        ),
        AttributeDeclaration(
            messagingDestinationTemplate,
            .string,
            .development,
            "The subject with its changing parts left out."
        ),
        AttributeDeclaration(messagingConsumerGroupName, .string, .development, "The durable consumer."),
        AttributeDeclaration(
            messagingMessageID,
            .string,
            .development,
            "The event's identity, which is also `Nats-Msg-Id`."
        ),
        AttributeDeclaration(messagingMessageBodySize, .int, .development, "The size of the payload in bytes."),
    ]

    private static let database = [
        AttributeDeclaration(dbSystemName, .string, .stable, "The database system.", values: ["postgresql"]),
        AttributeDeclaration(dbNamespace, .string, .stable, "The database."),
        AttributeDeclaration(dbQuerySummary, .string, .stable, "The statement in two or three words: `INSERT users`."),
        AttributeDeclaration(dbQueryText, .string, .stable, "The statement with placeholders, never with values."),
        AttributeDeclaration(dbResponseStatusCode, .string, .stable, "PostgreSQL's SQLSTATE of a failure."),
        AttributeDeclaration(dbOperationBatchSize, .int, .stable, "The number of statements that went out together."),
        AttributeDeclaration(dbConnectionPoolName, .string, .development, "The connection pool: the service."),
        AttributeDeclaration(
            dbConnectionState,
            .string,
            .development,
            "What a connection of the pool does.",
            values: ["idle", "used"]
        ),
    ]

    private static let cloudEvents = [
        AttributeDeclaration(cloudEventsID, .string, .development, "The event's identity."),
        AttributeDeclaration(cloudEventsType, .string, .development, "The kind of event: `order.created`."),
        AttributeDeclaration(cloudEventsSource, .string, .development, "Who made the event: `/contrail/orders`."),
    ]

    private static let sdk = [
        AttributeDeclaration(otelComponentType, .string, .development, "The kind of the SDK's part."),
        AttributeDeclaration(otelComponentName, .string, .development, "The SDK's part: its kind and a number."),
        AttributeDeclaration(
            otelSpanParentOrigin,
            .string,
            .development,
            "Where the parent of a span is.",
            values: ["none", "local", "remote"]
        ),
        AttributeDeclaration(
            otelSpanSamplingResult,
            .string,
            .development,
            "What the sampler decided.",
            values: ["DROP", "RECORD_ONLY", "RECORD_AND_SAMPLE"]
        ),
        AttributeDeclaration(httpStatusCode, .int, .stable, "The status of an HTTP answer; empty when there was none."),
    ]

    private static let ours = [
        AttributeDeclaration(natsStream, .string, .ours, "The JetStream stream."),
        AttributeDeclaration(natsConsumer, .string, .ours, "The JetStream consumer."),
        AttributeDeclaration(natsStreamSequence, .int, .ours, "The message's position in the stream."),
        AttributeDeclaration(natsDeliveryCount, .int, .ours, "Which delivery of the message it is, 1 for the first."),
        AttributeDeclaration(natsDuplicate, .bool, .ours, "Whether JetStream had the message already."),
        AttributeDeclaration(
            natsAdvisory,
            .string,
            .ours,
            "What JetStream said about the message.",
            values: ["max_deliveries", "terminated"]
        ),
        AttributeDeclaration(
            stage,
            .string,
            .ours,
            "The part of a notification's journey that the span is.",
            values: ["outbox_wait", "publish", "stream_wait", "redelivery_wait", "deliver", "record"]
        ),
        AttributeDeclaration(
            acceptDuration,
            .double,
            .ours,
            "Seconds from the call's arrival to the event's recording."
        ),
        AttributeDeclaration(outboxWaitDuration, .double, .ours, "Seconds from there to the publish that succeeded."),
        AttributeDeclaration(publishDuration, .double, .ours, "Seconds from there until the stream had stored it."),
        AttributeDeclaration(streamWaitDuration, .double, .ours, "Seconds from there to the first delivery."),
        AttributeDeclaration(redeliveryWaitDuration, .double, .ours, "Seconds between attempts, all together."),
        AttributeDeclaration(lookupDuration, .double, .ours, "Seconds of looking the customer up, in all attempts."),
        AttributeDeclaration(deliverDuration, .double, .ours, "Seconds of the provider calls of all attempts."),
        AttributeDeclaration(recordDuration, .double, .ours, "Seconds of committing and acknowledging."),
        AttributeDeclaration(journeyDuration, .double, .ours, "Seconds from start to end: the sum of the stages."),
        AttributeDeclaration(eventAge, .double, .ours, "Seconds from the event to this delivery."),
        AttributeDeclaration(
            clockSkew,
            .double,
            .ours,
            "Seconds by which two clocks disagree: the wait is shown as none."
        ),
        AttributeDeclaration(
            outcome,
            .string,
            .ours,
            "What became of a delivery that was not simply handled.",
            values: ["duplicate"]
        ),
        AttributeDeclaration(orderID, .string, .ours, "The order, a UUID."),
        AttributeDeclaration(userID, .string, .ours, "The customer, a UUID."),
        AttributeDeclaration(notificationID, .string, .ours, "The notification, which is the event's identity."),
        AttributeDeclaration(
            notificationChannel,
            .string,
            .ours,
            "How the customer is told.",
            values: ["log", "smtp"]
        ),
        AttributeDeclaration(notificationLate, .bool, .ours, "Whether the journey took longer than it may."),
        AttributeDeclaration(
            notificationCause,
            .string,
            .ours,
            "The longest stage of a late notification: a value of the label `stage`."
        ),
        AttributeDeclaration(
            notificationCauseReason,
            .string,
            .ours,
            "Why a late notification waited for redelivery, when that is its cause."
        ),
        AttributeDeclaration(attempt, .int, .ours, "Which attempt at the call it is, 2 for the first retry."),
        AttributeDeclaration(circuitBreakerName, .string, .ours, "The circuit breaker: the target that it is for."),
        AttributeDeclaration(circuitBreakerFrom, .string, .ours, "The state before."),
        AttributeDeclaration(circuitBreakerTo, .string, .ours, "The state after."),
        AttributeDeclaration(circuitBreakerReason, .string, .ours, "Why the state changed: `failure_rate`."),
        AttributeDeclaration(retryReason, .string, .ours, "The `error.type` of the attempt before."),
        AttributeDeclaration(retryDelay, .double, .ours, "The delay that was chosen after it, in seconds."),
        AttributeDeclaration(deadLetterReason, .string, .ours, "Why the event went to the dead letters."),
    ]
}
