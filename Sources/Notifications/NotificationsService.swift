internal import Contracts
public import ContrailInstrumentation
internal import GRPCCore
internal import Logging
internal import PostgresEventStore
public import ServiceRuntime

/// The notifications service: tells customers what happened to them and to their orders.
public enum NotificationsService: ServiceDefinition {
    /// `notifications`
    public static let name = "notifications"
    /// What `--help` says.
    public static let summary = "tells customers what happened"
    /// 50053
    public static let defaultGRPCPort = 50053
    /// 9103
    public static let defaultAdminPort = 9103
    /// The gRPC service, for health checks.
    public static let grpcServiceNames = [
        Contrail_Notifications_V1_NotificationService.descriptor.fullyQualifiedService
    ]

    /// Puts the service together.
    public static func makeParts(_ settings: inout Settings, telemetry: Telemetry) throws -> ServiceParts {
        let storage = try ServiceStorage(
            name,
            migrations: NotificationStorage.migrations,
            settings: &settings,
            telemetry: telemetry
        )
        let broker = try settings.broker(name, telemetry: telemetry)
        let replicas = settings.streamReplicas()
        let users = try settings.client(
            "users",
            default: NetworkAddress(host: "127.0.0.1", port: 50051),
            telemetry: telemetry
        ) { Contrail_Users_V1_UserService.Client(wrapping: $0) as any Contrail_Users_V1_UserService.ClientProtocol }
        let metrics = NotificationMetrics(registry: telemetry.metrics)
        let journal = NotificationJournal(pool: storage.pool, metrics: metrics)
        let handler = NotificationHandler(
            users: users,
            provider: try provider(&settings, telemetry: telemetry),
            pool: storage.pool,
            tracer: telemetry.tracer(for: .deliver),
            metrics: metrics,
            logger: telemetry.logger
        )
        let lateAfter = settings.notificationLateAfter()
        let consumers = [EventStreamName.orders, .users].map { stream in
            var configuration = TracedConsumer.Configuration(
                stream: stream.rawValue,
                consumer: NotificationHandler.consumer,
                subjects: stream.subjects
            )
            configuration.lateAfter = lateAfter
            return TracedConsumer(
                configuration,
                broker: broker,
                telemetry: telemetry,
                journal: journal
            ) { delivery in
                try await handler.handle(delivery)
            }
        }
        let watch = NotificationWatch(
            broker: broker,
            consumers: consumers.map(\.configuration),
            storage: NotificationStorage(pool: storage.pool),
            telemetry: telemetry
        )
        let advisories = AdvisoryWatch(broker: broker, consumer: NotificationHandler.consumer, telemetry: telemetry)
        return ServiceParts(
            preparations: [
                storage.preparation,
                .streams([.orders, .users, .deadLetters], broker: broker, replicas: replicas),
                Preparation("consumers") {
                    for consumer in consumers { try await broker.ensure(consumer.configuration) }
                },
                Preparation("advisories") { try await advisories.prepare(replicas: replicas) },
            ],
            work: [storage.work, .broker(broker), .client("users client", users)]
                + consumers.map(work) + [
                    BackgroundWork("notification watch") { try await watch.run() },
                    BackgroundWork("advisory watch") {
                        try await advisories.run()
                    } beginShutdown: {
                        advisories.beginShutdown()
                    },
                    cleaning(storage, journal, logger: telemetry.logger),
                ],
            dependencies: [storage.dependency, .broker(broker)],
            grpcServices: [
                NotificationHandlers(
                    storage: NotificationStorage(pool: storage.pool),
                    journal: journal,
                    deadLetters: DeadLetterHandlers(
                        letters: DeadLetters(broker: broker, telemetry: telemetry),
                        journal: journal,
                        logger: telemetry.logger
                    )
                )
            ]
        )
    }

    private static func provider(
        _ settings: inout Settings,
        telemetry: Telemetry
    ) throws -> any NotificationProvider {
        let channel = settings.choice(
            "CONTRAIL_NOTIFICATION_PROVIDER",
            default: "log",
            of: ["log", "smtp"],
            "how customers are told"
        )
        let server = settings.string("CONTRAIL_SMTP_URL", default: "smtp://127.0.0.1:1025", "the mail server")
        let sender = settings.string("CONTRAIL_SMTP_FROM", default: "shop@example.com", "the sender's address")
        let user = settings.string("CONTRAIL_SMTP_USER", default: "", "the mail server's user")
        let password = settings.string("CONTRAIL_SMTP_PASSWORD", default: "", "the user's password")
        let resilience = settings.resilience(
            "CONTRAIL_SMTP",
            "the mail server",
            default: TracedMailer.defaultResilience
        )
        guard channel == "smtp" else { return LogProvider(logger: telemetry.logger) }
        do {
            return MailProvider(
                mailer: try TracedMailer(
                    server: server,
                    sender: sender,
                    user: user,
                    password: password,
                    resilience: resilience,
                    telemetry: telemetry
                )
            )
        } catch {
            settings.refuse(
                "CONTRAIL_SMTP_URL",
                "does not work: \(error); user and password belong in CONTRAIL_SMTP_USER and CONTRAIL_SMTP_PASSWORD",
                showsValue: false
            )
            return LogProvider(logger: telemetry.logger)
        }
    }

    private static func work(_ consumer: TracedConsumer) -> BackgroundWork {
        BackgroundWork("consumer of \(consumer.configuration.stream)") {
            try await consumer.run()
        } beginShutdown: {
            consumer.beginShutdown()
        }
    }

    /// How many days handled events and failed attempts are remembered.
    private static let rememberedDays = Preparation.deadLetterDays + 15

    /// Forgets handled events, and what became of attempts, half a month after the last of their dead letters.
    private static func cleaning(
        _ storage: ServiceStorage,
        _ journal: NotificationJournal,
        logger: Logger
    ) -> BackgroundWork {
        BackgroundWork("inbox cleaning") {
            while true {
                do {
                    let count = try await Inbox.forget(olderThanDays: rememberedDays, in: storage.pool)
                    let attempts = try await journal.forget(olderThanDays: rememberedDays)
                    if count + attempts > 0 {
                        logger.debug("inbox cleaned", metadata: ["forgotten": "\(count)", "attempts": "\(attempts)"])
                    }
                } catch {
                    logger.debug("inbox was not cleaned", metadata: ["reason": "\(error)"])
                }
                try await Task.sleep(for: .seconds(3600))
            }
        }
    }
}
