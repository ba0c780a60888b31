internal import Logging

/// Takes one notification: finds out what is behind it, adds that, and passes it on.
struct AlertHandler: Sendable {
    /// What Alertmanager is told.
    enum Outcome: Sendable {
        /// It is with the receiver.
        case taken
        /// It is no notification, and will not become one by sending it again.
        case malformed(String)
        /// The receiver does not have it; Alertmanager is to send it again.
        case notTaken(String)
    }

    /// Gives a notification to the receiver.
    typealias Forward = @Sendable ([UInt8]) async throws(Receiver.Failure) -> Void

    let enricher: Enricher
    let forward: Forward
    let metrics: EnricherMetrics
    let logger: Logger

    func take(_ body: [UInt8]) async -> Outcome {
        let notification: AlertNotification
        do {
            notification = try AlertNotification(body)
        } catch {
            logger.warning("refused a request", metadata: ["reason": "\(error)"])
            return .malformed("\(error)")
        }
        let enriched = await enriched(notification)
        do {
            try await forward(enriched)
        } catch {
            metrics.forwarded(isTaken: false)
            logger.warning(
                "alerts were not taken, Alertmanager will send them again",
                metadata: ["reason": "\(error)", "alerts": "\(notification.alerts.count)"]
            )
            return .notTaken("\(error)")
        }
        metrics.forwarded(isTaken: true)
        logger.info(
            "passed alerts on",
            metadata: [
                "receiver": "\(notification.receiver)",
                "alerts": "\(notification.alerts.map { $0.isFiring ? $0.name : "\($0.name) (resolved)" })",
            ]
        )
        return .taken
    }

    private func enriched(_ notification: AlertNotification) async -> [UInt8] {
        let begin = ContinuousClock.now
        let enrichments = await enricher.enrichments(of: notification.alerts)
        metrics.held(.now - begin)
        let additions = zip(notification.alerts, enrichments).map { alert, enrichment in
            guard let enrichment else {
                metrics.count(.resolved)
                return AlertNotification.Additions()
            }
            metrics.count(enrichment.result)
            if !enrichment.problems.isEmpty {
                logger.warning(
                    "an alert goes without its traces or its cause",
                    metadata: ["alert": "\(alert.name)", "reason": "\(enrichment.problems.joined(separator: "; "))"]
                )
            }
            return enrichment.annotations(of: alert, settings: enricher.settings)
        }
        return notification.body(adding: additions)
    }
}
