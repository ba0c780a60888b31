internal import ContrailInstrumentation
internal import Observability
internal import PostgresEventStore

/// Where the time of a notification went, and what made it late: the same in its row, on its span and in the metrics.
struct CompletedJourney: Sendable, Equatable {
    /// When it ended, in nanoseconds since the Unix epoch.
    let end: UInt64
    /// Nanoseconds of each stage.
    let stages: [Stage: UInt64]
    /// How far two clocks disagreed, in nanoseconds.
    let skew: UInt64
    /// Whether it took longer than it may.
    let isLate: Bool
    /// The longest stage of a late one.
    let cause: Stage?
    /// Why it waited for redelivery, when that is the cause.
    let causeReason: String?

    /// From the start to the end, in nanoseconds.
    var total: UInt64 { stages.values.reduce(0, +) }

    init(_ journey: EventJourney, isLate: Bool) {
        end = journey.end
        stages = Dictionary(uniqueKeysWithValues: Stage.allCases.map { ($0, journey[$0]) })
        skew = journey.skew
        self.isLate = isLate
        cause = isLate ? journey.longestStage : nil
        causeReason = cause == .redeliveryWait ? journey.longestRedeliveryReason : nil
    }

    /// Reads the columns; `nil` when the journey never ended.
    init?(_ row: PostgresRow) throws {
        guard let completed = try row.decode(PostgresTimestamp?.self, "completed_at") else { return nil }
        end = UInt64(clamping: completed.nanosecondsSinceEpoch)
        stages = Dictionary(
            uniqueKeysWithValues: try Stage.allCases.map { stage in
                (stage, UInt64(clamping: try row.decode(Int64?.self, "\(stage.rawValue)_ns") ?? 0))
            }
        )
        skew = UInt64(clamping: try row.decode(Int64?.self, "skew_ns") ?? 0)
        isLate = try row.decode(Bool?.self, "late") ?? false
        cause = try row.decode(String?.self, "cause").flatMap(Stage.init)
        causeReason = try row.decode(String?.self, "cause_reason")
    }

    /// Shows it on a span; the stages are there already.
    func describe(on span: OTelSpan) {
        span.setAttribute(SemanticConventions.notificationLate, .bool(isLate))
        if let cause { span.setAttribute(SemanticConventions.notificationCause, cause.attribute) }
        if let causeReason { span.setAttribute(SemanticConventions.notificationCauseReason, .string(causeReason)) }
    }
}
