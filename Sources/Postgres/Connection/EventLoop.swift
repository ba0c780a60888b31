internal import CLibPQ
internal import Glibc
internal import Synchronization

private import class Foundation.Thread

/// What an event loop serves.
protocol EventLoopDelegate: AnyObject, Sendable {
    /// A watched socket is ready.
    func socketReady(_ id: UInt64, readable: Bool, writable: Bool)

    /// The loop was woken, or a deadline has come.
    ///
    /// - Returns: the next deadline.
    func service(now: Moment) -> Moment
}

/// One thread that waits for the sockets of a pool, so that nothing blocks Swift's cooperative threads.
///
/// Statements are sent by their callers; the thread reads the answers, and opens connections, because looking up a
/// host's name blocks.
final class EventLoop: Sendable {
    private let poller: Int32
    private let signal: Int32
    /// When the thread wakes at the latest; `.max` while it looks at the deadlines.
    private let wakeTime = Atomic<Int64>(.max)
    private let isStopped = Atomic<Bool>(false)

    /// The signal's identity among the sockets; connections count from 1.
    private static let signalID: UInt64 = 0

    init() throws {
        poller = clibpq_poller_create()
        signal = clibpq_signal_create()
        let isWatched = poller >= 0 && signal >= 0 && clibpq_poller_watch(poller, signal, Self.signalID, 1, 0) == 0
        guard isWatched else {
            let reason = String(cString: strerror(errno))
            throw PostgresError(
                .connectionUnavailable,
                "no epoll instance: \(reason); raise the limit of open files (ulimit -n)"
            )
        }
    }

    deinit {
        if poller >= 0 { close(poller) }
        if signal >= 0 { close(signal) }
    }

    /// Starts the thread, which keeps the loop and its delegate alive until ``stop()``.
    func start(_ delegate: any EventLoopDelegate) {
        let thread = Thread { self.run(delegate) }
        thread.name = "postgres"
        thread.start()
    }

    /// Ends the thread soon.
    func stop() {
        isStopped.store(true, ordering: .sequentiallyConsistent)
        wake()
    }

    /// Makes the thread serve its delegate soon.
    func wake() {
        clibpq_signal_send(signal)
    }

    /// Makes the thread serve its delegate at a deadline at the latest.
    ///
    /// Deadlines are seldom reached and mostly grow, so nearly every call ends with the comparison.
    func wake(at deadline: Moment) {
        if deadline.nanoseconds < wakeTime.load(ordering: .sequentiallyConsistent) { wake() }
    }

    /// Starts to watch a socket, or changes what it is watched for.
    ///
    /// - Returns: whether the system agreed.
    func watch(_ socket: Int32, id: UInt64, readable: Bool, writable: Bool) -> Bool {
        clibpq_poller_watch(poller, socket, id, readable ? 1 : 0, writable ? 1 : 0) == 0
    }

    private func run(_ delegate: any EventLoopDelegate) {
        var events = [clibpq_event](repeating: clibpq_event(), count: 64)
        var wakeAt = Moment(nanoseconds: 0)
        while !isStopped.load(ordering: .sequentiallyConsistent) {
            var now = Moment.now
            if wakeAt <= now {
                // A deadline that is set from here on signals the thread, whether the delegate still sees it or not.
                wakeTime.store(.max, ordering: .sequentiallyConsistent)
                wakeAt = delegate.service(now: now)
                wakeTime.store(wakeAt.nanoseconds, ordering: .sequentiallyConsistent)
                now = .now
            }
            let count = clibpq_poller_wait(
                poller,
                &events,
                Int32(events.count),
                Self.milliseconds(from: now, to: wakeAt)
            )
            for event in events.prefix(Int(max(0, count))) {
                guard event.id != Self.signalID else {
                    clibpq_signal_clear(signal)
                    wakeAt = Moment(nanoseconds: 0)
                    continue
                }
                delegate.socketReady(event.id, readable: event.is_readable != 0, writable: event.is_writable != 0)
            }
        }
    }

    /// The time to wait in the system's unit, rounded up; -1 for ever.
    private static func milliseconds(from now: Moment, to deadline: Moment) -> Int32 {
        guard deadline != .never else { return -1 }
        let nanoseconds = max(0, deadline.nanoseconds - now.nanoseconds)
        return Int32(clamping: (nanoseconds + 999_999) / 1_000_000)
    }
}
