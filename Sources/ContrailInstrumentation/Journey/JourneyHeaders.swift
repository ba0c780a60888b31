internal import JetStream
internal import Observability

/// The instants that travel with an event so that its consumer can tell the whole journey.
///
/// Decimal nanoseconds since the Unix epoch. `ce-time` says when the event was recorded.
enum JourneyHeaders {
    /// When the call arrived that caused the event.
    static let acceptedAt = "contrail-accepted-at"
    /// When the publish began.
    static let publishedAt = "contrail-published-at"
    /// When its stream stored it for the first time: on a dead letter, and on an event that was redriven.
    static let storedAt = "contrail-stored-at"

    /// Reads an instant; what is no number is as if it were absent.
    static func instant(_ name: String, in headers: NATSHeaders) -> UInt64? {
        headers.first(named: name).flatMap(UInt64.init)
    }
}

extension Departure {
    /// Reads what a message tells.
    init(_ message: JetStreamMessage, event: EventEnvelope) {
        self.init(
            claimed: JourneyHeaders.instant(JourneyHeaders.acceptedAt, in: message.headers),
            recorded: event.time,
            published: JourneyHeaders.instant(JourneyHeaders.publishedAt, in: message.headers),
            stored: message.firstStored
        )
    }

    /// Takes what a producer says, unless it cannot be.
    ///
    /// Anybody may publish. A call that lasted longer than an hour is no call, and would be taken for the cause; what
    /// happened more than an hour after it was stored is no skew of clocks, and would end the journey in the future.
    ///
    /// - Parameters:
    ///   - claimed: When the call arrived.
    ///   - recorded: When the event was recorded.
    ///   - published: When its publish began.
    ///   - stored: When the stream stored it, which the broker says.
    init(claimed: UInt64?, recorded: UInt64, published: UInt64?, stored: UInt64) {
        let most: UInt64 = 3_600_000_000_000
        let latest = stored.addingReportingOverflow(most)
        let end = latest.overflow ? .max : latest.partialValue
        let recorded = recorded > end ? stored : recorded
        self.init(
            accepted: claimed.flatMap { $0 > end || (recorded > $0 && recorded - $0 > most) ? nil : $0 },
            recorded: recorded,
            published: published.flatMap { $0 > end ? nil : $0 },
            stored: stored
        )
    }
}

extension JetStreamMessage {
    /// Whether somebody sent the event on its way again after it had been given up.
    var isRedriven: Bool { headers.first(named: DeadLetterHeaders.redriven) != nil }

    /// When a stream stored the event for the first time, by the broker's clock. The time as a dead letter is then a wait
    /// between attempts, and not part of a publish.
    var firstStored: UInt64 {
        let stored = UInt64(clamping: metadata.timestamp)
        guard isRedriven, let first = JourneyHeaders.instant(JourneyHeaders.storedAt, in: headers) else {
            return stored
        }
        return min(first, stored)
    }
}

/// When the gRPC call arrived that the running code serves.
enum CallArrival {
    /// In nanoseconds since the Unix epoch; `nil` outside of a call.
    @TaskLocal static var current: UInt64?
}
