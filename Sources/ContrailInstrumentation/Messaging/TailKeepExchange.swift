internal import JetStream
internal import Logging
internal import Observability
private import Synchronization

/// Tells all services of the system which traces are kept after all, and hears it from them.
///
/// A service that learns that a notification is late knows only its own spans; those of the order were recorded
/// elsewhere, earlier. Core NATS is enough: who misses a message keeps its part of one trace less.
final class TailKeepExchange: Sendable {
    /// Where verdicts are published: the 16 bytes of one trace id each.
    static let subject = "contrail.traces.keep"

    private let telemetry: Telemetry
    private let verdicts: AsyncStream<TraceID>
    private let continuation: AsyncStream<TraceID>.Continuation
    private let untold = Atomic<Int>(0)

    /// - Parameter telemetry: Its provider's tail is shared, if it has one.
    init(telemetry: Telemetry) {
        self.telemetry = telemetry
        (verdicts, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(4096))
        guard let tail = telemetry.provider.tailKeep else { return }
        tail.setListener { [weak self] traceID in
            guard let self else { return }
            if case .enqueued = continuation.yield(traceID) { return }
            untold.wrappingAdd(1, ordering: .relaxed)
        }
        telemetry.metrics.counter(
            "contrail_trace_keep_untold_total",
            help: "Verdicts about traces that other services could not be told."
        ) { [weak self] in
            self.map { Double($0.untold.load(ordering: .relaxed)) }
        }
    }

    /// Exchanges verdicts until the task is cancelled.
    func run(on connection: NATSConnection) async {
        guard telemetry.provider.tailKeep != nil else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.listen(on: connection) }
            group.addTask { await self.tell(on: connection) }
        }
    }

    private func tell(on connection: NATSConnection) async {
        for await traceID in verdicts {
            let message = NATSMessage(subject: Self.subject, payload: traceID.bytes)
            do {
                try await connection.publish(message)
            } catch {
                untold.wrappingAdd(1, ordering: .relaxed)
                telemetry.logger.debug("verdict about a trace not told", metadata: ["error": "\(error)"])
            }
        }
    }

    private func listen(on connection: NATSConnection) async {
        do {
            for try await message in try connection.subscribe(to: Self.subject) {
                guard let traceID = TraceID(bytes: message.payload) else { continue }
                telemetry.provider.keepTrace(traceID, .remote)
            }
        } catch {
            telemetry.logger.warning(
                "verdicts of other services about traces are not heard",
                metadata: ["subject": "\(Self.subject)", "error": "\(error)"]
            )
        }
    }
}

extension TraceID {
    /// The identifier as 16 bytes, big-endian.
    fileprivate var bytes: [UInt8] {
        withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { Array($0) }
    }

    /// Reads 16 bytes, big-endian.
    fileprivate init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        let (high, low) = (bytes[..<8], bytes[8...])
        self.init(
            high: high.reduce(0) { $0 << 8 | UInt64($1) },
            low: low.reduce(0) { $0 << 8 | UInt64($1) }
        )
        guard isValid else { return nil }
    }
}
