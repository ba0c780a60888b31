internal import Observability
internal import Tracing

// The spans of this module's wrappers.
extension SpanDeclaration {
    private typealias Key = SemanticConventions

    private static let failed = (key: Key.errorType, when: "it failed")
    private static let event = [
        Key.messagingMessageID, Key.cloudEventsID, Key.cloudEventsType, Key.cloudEventsSource,
    ]
    private static let message = [
        Key.messagingSystem, Key.messagingOperationName, Key.messagingOperationType, Key.messagingDestinationName,
    ]
    private static let server = [Key.serverAddress, Key.serverPort]
    private static let opening = Link(
        meaning: "The span in which the circuit breaker opened that refused this.",
        attributes: []
    )

    static let rpcServer = SpanDeclaration(
        "",
        detail: Key.rpcMethod,
        kind: .server,
        scope: "contrail.grpc",
        meaning: "A call that is served, until its last message is written. Health checks have none.",
        attributes: [
            Key.rpcSystemName, Key.rpcMethod, Key.rpcStatusCode, Key.networkPeerAddress, Key.networkPeerPort,
        ],
        sometimes: [
            (Key.errorType, "the status is the server's fault"),
            (Key.userID, "the handler knows the customer"),
            (Key.orderID, "the handler knows the order"),
        ],
        links: [
            Link(meaning: "The caller's span, when callers are not trusted and the trace begins anew.", attributes: [])
        ]
    )

    static let rpcClient = SpanDeclaration(
        "",
        detail: Key.rpcMethod,
        kind: .client,
        scope: "contrail.grpc",
        meaning:
            "One attempt at a call, until its last message or its status is read; or a call that was refused before.",
        attributes: [Key.rpcSystemName, Key.rpcMethod, Key.rpcStatusCode] + server,
        sometimes: [
            (Key.errorType, "the status is not OK"),
            (Key.attempt, "the call was attempted before"),
        ],
        links: [opening]
    )

    static let databaseStatement = SpanDeclaration(
        "",
        detail: Key.dbQuerySummary,
        kind: .client,
        scope: "contrail.database",
        meaning: "A statement, the wait for a connection left out. Statements outside of a trace have none.",
        attributes: [Key.dbSystemName, Key.dbNamespace, Key.dbQuerySummary, Key.dbQueryText, Key.serverAddress],
        sometimes: [
            (Key.serverPort, "the port is not 5432"),
            (Key.dbResponseStatusCode, "PostgreSQL refused it"),
            failed,
        ]
    )

    static let publish = SpanDeclaration(
        "publish ",
        detail: Key.messagingDestinationName,
        kind: .producer,
        scope: "contrail.messaging",
        meaning: "An event, or a dead letter, is handed to JetStream until JetStream has stored it.",
        attributes: message + event + server + [Key.natsStream],
        sometimes: [
            (Key.stage, "it is an event and no dead letter"),
            (Key.natsStreamSequence, "it was stored"),
            (Key.natsDuplicate, "it was stored"),
            failed,
        ]
    )

    static let outboxWait = SpanDeclaration(
        "outbox wait",
        scope: "contrail.messaging",
        meaning: "From the event to the publish that succeeded: the wait in the outbox.",
        attributes: event + [Key.stage],
        sometimes: [(Key.clockSkew, "the event is younger than now")]
    )

    static let process = SpanDeclaration(
        "process ",
        detail: Key.messagingDestinationName,
        kind: .consumer,
        scope: "contrail.messaging",
        meaning: "One delivery of an event, until it is settled.",
        attributes: message + event + server + [
            Key.messagingConsumerGroupName, Key.natsStream, Key.natsConsumer, Key.natsStreamSequence,
            Key.natsDeliveryCount, Key.eventAge,
        ],
        sometimes: [
            (Key.userID, "the event can be read"),
            (Key.orderID, "the event is about an order"),
            (Key.outcome, "the event had been handled before"),
            (Key.acceptDuration, "the event was handled"),
            (Key.outboxWaitDuration, "the event was handled"),
            (Key.publishDuration, "the event was handled"),
            (Key.streamWaitDuration, "the event was handled"),
            (Key.redeliveryWaitDuration, "the event was handled"),
            (Key.lookupDuration, "the event was handled"),
            (Key.deliverDuration, "the event was handled"),
            (Key.recordDuration, "the event was handled"),
            (Key.journeyDuration, "the event was handled"),
            (Key.clockSkew, "two clocks on the way disagreed"),
            (Key.notificationID, "the event can be read"),
            (Key.notificationLate, "the customer was told"),
            (Key.notificationCause, "the customer was told late"),
            (Key.notificationCauseReason, "the customer was told late because of a failed attempt"),
            (Key.deadLetterReason, "the event went to the dead letters"),
            failed,
        ],
        links: [
            Link(meaning: "The span that the message carries, which is also the parent.", attributes: []),
            Link(
                meaning: "The attempt before this one.",
                attributes: [Key.retryReason, Key.retryDelay]
            ),
        ]
    )

    static let streamWait = SpanDeclaration(
        "stream wait",
        scope: "contrail.messaging",
        meaning: "From the storing in the stream to the first delivery.",
        attributes: event + [Key.natsDeliveryCount, Key.stage],
        sometimes: [(Key.clockSkew, "the message is younger than now")]
    )

    static let redeliveryWait = SpanDeclaration(
        "redelivery wait",
        scope: "contrail.messaging",
        meaning: "From the failure of an attempt to the next; from the storing when nobody knows of the attempt.",
        attributes: event + [Key.natsDeliveryCount, Key.stage],
        sometimes: [
            (Key.retryReason, "the attempt before is known"),
            (Key.retryDelay, "the attempt before is known"),
            (Key.clockSkew, "the failure is younger than now"),
        ]
    )

    static let record = SpanDeclaration(
        "record",
        scope: "contrail.messaging",
        meaning: "The handler's effect is committed and the message acknowledged.",
        attributes: [Key.stage],
        sometimes: [failed]
    )

    static let acknowledge = settle(
        "ack ",
        meaning: "The message is handled: acknowledged, and the server has confirmed it."
    )
    static let retry = settle("nak ", meaning: "The message is asked for again after a delay.")
    static let terminate = settle(
        "term ",
        meaning: "The message is taken out of its stream, because it is a dead letter now."
    )

    static let advisory = SpanDeclaration(
        "advisory ",
        detail: Key.natsAdvisory,
        scope: "contrail.messaging",
        meaning: "JetStream said that a consumer will not get the message again; it has no duration.",
        attributes: [
            Key.messagingSystem, Key.natsAdvisory, Key.natsStream, Key.natsConsumer, Key.natsStreamSequence,
            Key.natsDeliveryCount,
        ],
        sometimes: [(Key.deadLetterReason, "the consumer's client ended it and said why")]
    )

    private static func settle(_ prefix: String, meaning: String) -> SpanDeclaration {
        SpanDeclaration(
            prefix,
            detail: Key.messagingDestinationName,
            kind: .client,
            scope: "contrail.messaging",
            meaning: meaning,
            attributes: message + server + [Key.messagingMessageID],
            sometimes: [failed]
        )
    }

    static let mail = SpanDeclaration(
        "send mail",
        kind: .client,
        scope: "contrail.smtp",
        meaning: "A mail is handed to the mail server.",
        attributes: server,
        sometimes: [failed],
        links: [opening]
    )
}
