internal import Synchronization

/// The end of an exporter: from when on nothing may be sent, and what interrupts a transfer or a wait at that time.
final class ExportShutdown: Sendable {
    let multi: CurlMulti
    private let deadline = Mutex<ContinuousClock.Instant?>(nil)

    init() throws(OTLPExporterError) {
        multi = try CurlMulti()
    }

    /// When exports must have ended, once somebody wants them to.
    var instant: ContinuousClock.Instant? { deadline.withLock { $0 } }

    /// Sets the deadline, or makes it earlier, and lets a waiting export look at it.
    func begin(deadline: ContinuousClock.Instant) {
        self.deadline.withLock { $0 = min($0 ?? deadline, deadline) }
        multi.wakeUp()
    }
}

/// When an export has to end, and on whose behalf. A shutdown may move it while the export runs.
struct ExportDeadline {
    let ofCall: ContinuousClock.Instant
    let shutdown: ExportShutdown

    var instant: ContinuousClock.Instant { min(ofCall, shutdown.instant ?? ofCall) }

    var hasPassed: Bool { ContinuousClock.now >= instant }

    /// The `error.type` of an export that this deadline ended.
    var errorType: String {
        if let ofShutdown = shutdown.instant, ofShutdown <= ofCall { return ExportFailure.shutdown }
        return ExportFailure.timeout
    }
}
