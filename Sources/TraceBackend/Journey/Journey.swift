/// The path of one event through the system, in stages that add up to its end-to-end time.
///
/// End-to-end runs from the start of the SERVER span that accepted the command to the end of the `record` span of the
/// attempt that succeeded. Every moment of it belongs to exactly one stage: where spans overlap, to the stage that is
/// later on the path, since that is how far the event has come; where none covers it, to ``Stage/other``.
public struct Journey: Sendable, Encodable {
    /// A part of the path, in the order of the path.
    public enum Stage: String, Sendable, Hashable, CaseIterable, Encodable {
        /// The call arrives → the transaction is committed.
        case accept
        /// Committed → the relay starts the publish.
        case outboxWait = "outbox_wait"
        /// The publish starts → JetStream acknowledges.
        case publish
        /// Stored in the stream → the first delivery.
        case streamWait = "stream_wait"
        /// An attempt fails → the next attempt starts.
        case redeliveryWait = "redelivery_wait"
        /// The calls to the users service inside the handler.
        case lookup
        /// The call to the provider.
        case deliver
        /// The notification is stored and the message acknowledged.
        case record
        /// What no other stage covers.
        case other
    }

    /// The time of one stage. Times are nanoseconds, offsets are from the start of the journey.
    public struct StageTime: Sendable, Hashable, Encodable {
        /// The stage.
        public let stage: Stage
        /// When it first began; `nil` when it did not happen.
        public let startNanoseconds: UInt64?
        /// How long it took in all.
        public let durationNanoseconds: UInt64
        /// Its part of the end-to-end time, from 0 to 1.
        public let share: Double
        /// How many spans it comes from, for example the number of redelivery waits.
        public let count: Int
        /// The periods that it consists of.
        public let periods: [Period]
    }

    /// A period of time, as offsets in nanoseconds from the start of the journey.
    public struct Period: Sendable, Hashable, Encodable {
        /// The start.
        public var start: UInt64
        /// The end, not before the start.
        public var end: UInt64
    }

    /// One attempt to process the event.
    public struct Attempt: Sendable, Hashable, Encodable {
        /// The number, from 1.
        public let number: Int
        /// The start, as an offset from the start of the journey.
        public let startNanoseconds: UInt64
        /// The duration.
        public let durationNanoseconds: UInt64
        /// Why it failed, or `nil` when it succeeded.
        public let error: String?
    }

    /// Two clocks that cannot both be right: something happened before its cause.
    public struct Skew: Sendable, Hashable, Encodable, CustomStringConvertible {
        /// What the times of show it.
        public let name: String
        /// The service whose clock made them.
        public let service: String
        /// The service, or broker, that it disagrees with; the same service when a wait ends before it starts.
        public let reference: String
        /// By how much at least, in nanoseconds.
        public let nanoseconds: UInt64

        /// The skew as a phrase.
        public var description: String {
            let amount = TimeText.short(nanoseconds)
            return service == reference
                ? "`\(name)` of \(service) ends \(amount) before it starts: a clock was set back"
                : "`\(name)`: the clock of \(service) is at least \(amount) behind that of \(reference)"
        }
    }

    /// The event that a journey is of.
    public struct Event: Sendable, Hashable, Encodable {
        /// The CloudEvents id, when the publish span has it.
        public let id: String?
        /// The type, for example `order.created`.
        public let type: String
    }

    /// The trace: 32 lower-case hexadecimal digits.
    public let traceID: String
    /// The event, or `nil` when nothing was published.
    public let event: Event?
    /// The name of the call that accepted the command, when it is in the trace.
    public let command: String?
    /// The start in nanoseconds since 1970 UTC.
    public let startNanoseconds: UInt64
    /// The end-to-end time; what is known of it when the journey is not complete.
    public let endToEndNanoseconds: UInt64
    /// Whether the notification was recorded, so that the end-to-end time is the whole one.
    public let isRecorded: Bool
    /// All stages in the order of the path, also those that did not happen.
    public let stages: [StageTime]
    /// The longest stage: the cause, if the notification was late. `nil` when the end-to-end time is zero.
    public let cause: Stage?
    /// The attempts to process the event, the first one first.
    public let attempts: [Attempt]
    /// Clocks that disagree; the stages are computed with them corrected by the least possible amount.
    public let skews: [Skew]
    /// What a complete journey of an order has and this one has not, each as a phrase.
    public let missing: [String]

    /// Whether nothing is missing.
    public var isComplete: Bool { missing.isEmpty }

    /// Finds the path of one event in a trace.
    ///
    /// - Parameters:
    ///   - trace: the trace.
    ///   - event: the id or the type of the event; the first that was published when `nil`.
    public init(_ trace: Trace, event: String? = nil) {
        let tree = TraceTree(trace)
        let path = EventPath(tree, event: event)
        let timeline = Timeline(path)
        traceID = trace.id
        self.event = path.event
        command = path.server.map { tree.nodes[$0].span.name }
        startNanoseconds = timeline.start
        endToEndNanoseconds = timeline.endToEnd
        isRecorded = timeline.isRecorded
        stages = timeline.stages
        cause =
            stages.filter { $0.durationNanoseconds > 0 }
            .max { $0.durationNanoseconds < $1.durationNanoseconds }?.stage
        attempts = timeline.attempts
        skews = timeline.skews
        missing = path.missing(wanted: event)
    }

    /// Returns the journeys of all events of a trace, in the order of their publishing.
    public static func all(in trace: Trace) -> [Journey] {
        let tree = TraceTree(trace)
        let events = EventPath.publishes(in: tree).map { index in
            EventPath.event(of: tree.nodes[index].span)
        }
        var seen: Set<Event> = []
        return events.filter { seen.insert($0).inserted }.map { Journey(trace, event: $0.id ?? $0.type) }
    }

    /// Returns the time of one stage.
    public subscript(_ stage: Stage) -> StageTime? {
        stages.first { $0.stage == stage }
    }
}
