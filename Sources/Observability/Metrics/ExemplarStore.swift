internal import Synchronization

/// A measurement together with the span that it was made in.
struct Exemplar {
    /// No span when they are zero.
    var traceID = TraceID(high: 0, low: 0)
    var spanID = SpanID(0)
    var value = 0.0
    /// In nanoseconds since the Unix epoch; zero when there is no exemplar.
    var time: UInt64 = 0
}

/// What all series of a registry know about exemplars.
final class ExemplarPolicy: Sendable {
    let filter: ExemplarFilter
    private let clock: @Sendable () -> UInt64
    private let isWanted = Atomic<Bool>(false)

    init(filter: ExemplarFilter, clock: @escaping @Sendable () -> UInt64) {
        self.filter = filter
        self.clock = clock
    }

    /// Whether somebody reads exemplars.
    var isCollecting: Bool { isWanted.load(ordering: .relaxed) }

    /// Somebody reads OpenMetrics: exemplars are collected from now on, by series that are made later too.
    func want() {
        if filter != .alwaysOff, !isCollecting { isWanted.store(true, ordering: .relaxed) }
    }

    /// The exemplar of a measurement, if it is eligible.
    func exemplar(_ value: Double, _ span: SpanContext?) -> Exemplar? {
        guard let span, span.isValid, span.isSampled || filter == .alwaysOn else {
            return filter == .alwaysOn ? Exemplar(value: value, time: clock()) : nil
        }
        return Exemplar(traceID: span.traceID, spanID: span.spanID, value: value, time: clock())
    }
}

/// The latest exemplar of each place of a series: one of a counter, one per bucket of a histogram.
///
/// Exemplars must cost nothing where nobody reads them and next to nothing where somebody does, so a place takes one
/// only while its bit in ``armed`` is set. Rendering OpenMetrics sets all bits; taking an exemplar clears one. A
/// measurement thus costs one load more, and one exemplar per place and scrape is taken. While measurements are made
/// outside of sampled spans the bit stays set; then the current span is looked at less and less often, every 32nd time
/// in the end.
struct ExemplarStore: ~Copyable, Sendable {
    private static let longestBackoff: UInt64 = 5

    private let places: Int
    private let policy: ExemplarPolicy
    /// A bit per place; the 64th and all after it share one.
    private let armed: Atomic<UInt64>
    private let isEmpty = Atomic<Bool>(true)
    /// Made with the first exemplar.
    private let exemplars = Mutex<[Exemplar]>([])

    init(places: Int, policy: ExemplarPolicy) {
        self.places = places
        self.policy = policy
        armed = Atomic(policy.isCollecting ? Self.allBits(places) : 0)
    }

    /// Whether a place waits for an exemplar.
    @inline(__always)
    func isArmed(_ place: Int) -> Bool {
        armed.load(ordering: .relaxed) & Self.bit(place) != 0
    }

    /// Lets every place take an exemplar again.
    func arm() {
        if policy.isCollecting { armed.store(Self.allBits(places), ordering: .relaxed) }
    }

    /// Takes an exemplar from the current span, in a thread that has a cell.
    ///
    /// - Parameter cell: The thread's cell. Its word 0 holds how many measurements to let pass, and in its high half how
    ///   often there was no span to take.
    @inline(__always)
    func offerCurrent(_ value: Double, place: Int, patience cell: StripedCells.Cell) {
        let patience = cell[0].load(ordering: .relaxed)
        if patience & 0xFFFF_FFFF != 0 {
            cell[0].store(patience &- 1, ordering: .relaxed)
        } else {
            look(value, place: place, patience: cell, patience)
        }
    }

    @inline(never)
    private func look(_ value: Double, place: Int, patience cell: StripedCells.Cell, _ patience: UInt64) {
        if offer(value, place: place, span: ActiveContext.current.exportedContext) {
            cell[0].store(0, ordering: .relaxed)
        } else {
            let backoff = min(patience >> 32 + 1, Self.longestBackoff)
            cell[0].store(backoff << 32 | (1 << backoff - 1), ordering: .relaxed)
        }
    }

    /// Takes an exemplar from the current span, in a thread that has no cell.
    ///
    /// - Parameter shared: The shared cell, whose word 0 counts visits.
    @inline(never)
    func offerCurrent(_ value: Double, place: Int, visits shared: StripedCells.Cell) {
        let mask = (1 as UInt64) << Self.longestBackoff - 1
        guard shared[0].load(ordering: .relaxed) & mask == 0 else { return }
        offer(value, place: place, span: ActiveContext.current.exportedContext)
    }

    /// Takes an exemplar if the span is eligible.
    @discardableResult
    @inline(never)
    func offer(_ value: Double, place: Int, span: SpanContext?) -> Bool {
        guard let exemplar = policy.exemplar(value, span) else { return false }
        // Before the exemplar is there, so that a scrape that sees it arms the place again.
        armed.bitwiseAnd(~Self.bit(place), ordering: .relaxed)
        exemplars.withLock { exemplars in
            if exemplars.isEmpty { exemplars = Array(repeating: Exemplar(), count: places) }
            exemplars[place] = exemplar
        }
        isEmpty.store(false, ordering: .releasing)
        return true
    }

    /// Copies the exemplars into a list that is reused; leaves it empty when there are none.
    @inline(__always)
    func copy(to list: inout [Exemplar]) {
        if !list.isEmpty { list.removeAll(keepingCapacity: true) }
        if !isEmpty.load(ordering: .acquiring) { copyAll(to: &list) }
    }

    @inline(never)
    private func copyAll(to list: inout [Exemplar]) {
        exemplars.withLock { list.append(contentsOf: $0) }
    }

    @inline(__always)
    private static func bit(_ place: Int) -> UInt64 { 1 &<< UInt64(truncatingIfNeeded: min(place, 63)) }

    private static func allBits(_ places: Int) -> UInt64 {
        places >= 64 ? .max : 1 << UInt64(places) - 1
    }
}
