/// The stages of an event's path on one clock.
///
/// Offsets are signed nanoseconds from the start of the journey. The consumer's clock is moved forward by as little as
/// causality needs: nothing is processed before its publish began.
struct Timeline {
    let start: UInt64
    private(set) var endToEnd: UInt64 = 0
    private(set) var stages: [Journey.StageTime] = []
    private(set) var attempts: [Journey.Attempt] = []
    private(set) var skews: [Journey.Skew] = []
    private(set) var isRecorded = false

    private let path: EventPath
    /// How far the spans of the consumer are moved.
    private var consumerShift: Int64 = 0
    private var periods: [Journey.Stage: [PeriodSet.Element]] = [:]

    /// Less than this is within what two good clocks differ by, and is corrected without a word.
    private static let quietSkew: Int64 = 1_000_000

    init(_ path: EventPath) {
        self.path = path
        let first = path.server ?? path.outboxWait ?? path.publishes.first
        start = (first ?? path.tree.nodes.indices.first).map { path.tree.nodes[$0].span.startNanoseconds } ?? 0
        guard first != nil else {
            stages = Journey.Stage.allCases.map { Self.stage($0, [], count: 0, endToEnd: 0) }
            return
        }
        findSkew()
        collectProducer()
        collectConsumer()
        let recorded = recordEnd
        isRecorded = recorded != nil
        endToEnd = UInt64(max(0, recorded ?? lastKnown))
        stages = exclusiveStages()
        attempts = path.processes.enumerated().map { number, index in
            let span = path.tree.nodes[index].span
            return Journey.Attempt(
                number: number + 1,
                startNanoseconds: UInt64(max(0, offset(span.startNanoseconds) + consumerShift)),
                durationNanoseconds: span.durationNanoseconds,
                error: span.isError ? (span.status.message.isEmpty ? "failed" : span.status.message) : nil
            )
        }
    }

    // MARK: Clocks

    private mutating func findSkew() {
        guard let publish = path.publishes.first.map({ path.tree.nodes[$0].span }) else { return }
        let published = offset(publish.startNanoseconds)
        if let earliest = path.processes.map({ path.tree.nodes[$0].span })
            .min(by: { $0.startNanoseconds < $1.startNanoseconds })
        {
            consumerShift = max(0, published - offset(earliest.startNanoseconds))
            note(earliest.name, consumerShift, of: earliest.service, behind: publish.service)
        }
        for index in path.streamWaits {
            let span = path.tree.nodes[index].span
            let stored = offset(span.startNanoseconds)
            note(span.name, published - stored - consumerShift, of: "the broker", behind: publish.service)
            note(span.name, stored - offset(span.endNanoseconds), of: span.service, behind: "the broker")
        }
        for index in [path.outboxWait].compactMap({ $0 }) + path.redeliveryWaits {
            let span = path.tree.nodes[index].span
            note(
                span.name,
                offset(span.startNanoseconds) - offset(span.endNanoseconds),
                of: span.service,
                behind: span.service
            )
        }
    }

    private mutating func note(_ name: String, _ amount: Int64, of service: String, behind reference: String) {
        guard amount >= Self.quietSkew else { return }
        skews.append(
            Journey.Skew(name: name, service: service, reference: reference, nanoseconds: UInt64(amount))
        )
    }

    /// Far from overflow: sums of a few offsets stay exact, and no real trace is 70 years long.
    private func offset(_ time: UInt64) -> Int64 {
        let limit = UInt64(Int64.max / 4)
        return time >= start ? Int64(min(time - start, limit)) : -Int64(min(start - time, limit))
    }

    // MARK: Periods of the spans

    private mutating func collectProducer() {
        if let server = path.server.map({ path.tree.nodes[$0].span }) {
            let committed = path.outboxWait.map { path.tree.nodes[$0].span.startNanoseconds }
            let published = path.publishes.first.map { path.tree.nodes[$0].span.startNanoseconds }
            let end = committed ?? min(server.endNanoseconds, published ?? .max)
            add(.accept, from: offset(server.startNanoseconds), to: offset(end))
        }
        add(.outboxWait, [path.outboxWait].compactMap { $0 }, shift: 0)
        add(.publish, path.publishes, shift: 0)
    }

    private mutating func collectConsumer() {
        for index in path.streamWaits {
            let span = path.tree.nodes[index].span
            let published = path.publishes.first.map { offset(path.tree.nodes[$0].span.startNanoseconds) } ?? 0
            // The start is the broker's time, the end the consumer's: only the end moves with the consumer's clock.
            add(
                .streamWait,
                from: max(published, offset(span.startNanoseconds)),
                to: offset(span.endNanoseconds) + consumerShift
            )
        }
        add(.redeliveryWait, path.redeliveryWaits, shift: consumerShift)
        for process in path.processes {
            add(.lookup, path.lookups(under: process), shift: consumerShift)
            add(.deliver, path.delivers(under: process), shift: consumerShift)
            add(.record, path.records(under: process), shift: consumerShift)
        }
    }

    private mutating func add(_ stage: Journey.Stage, _ indices: [Int], shift: Int64) {
        for index in indices {
            let span = path.tree.nodes[index].span
            add(stage, from: offset(span.startNanoseconds) + shift, to: offset(span.endNanoseconds) + shift)
        }
    }

    /// A wait whose end lies before its start shows skew; as a period it is empty, never negative.
    private mutating func add(_ stage: Journey.Stage, from start: Int64, to end: Int64) {
        periods[stage, default: []].append(PeriodSet.Element(start: start, end: max(start, end)))
    }

    /// The end of the successful `record`.
    private var recordEnd: Int64? {
        guard let process = path.decisiveProcess else { return nil }
        let records = path.records(under: process).map { path.tree.nodes[$0].span }
        return records.first { !$0.isError }.map { offset($0.endNanoseconds) + consumerShift }
    }

    /// As far as the event is known to have come.
    private var lastKnown: Int64 {
        let ends = periods.values.joined().map(\.end)
        let processEnds = path.processes.map { offset(path.tree.nodes[$0].span.endNanoseconds) + consumerShift }
        return (ends + processEnds).max() ?? 0
    }

    // MARK: Stages

    /// Gives every moment to one stage, from the end of the path to its beginning.
    private func exclusiveStages() -> [Journey.StageTime] {
        let whole = PeriodSet([PeriodSet.Element(start: 0, end: Int64(endToEnd))])
        var free = whole
        var stages: [Journey.StageTime] = []
        for stage in Journey.Stage.allCases.reversed() where stage != .other {
            let all = periods[stage] ?? []
            let own = PeriodSet(all).intersection(free)
            free = free.subtracting(own)
            let count = all.count { $0.start <= Int64(endToEnd) }
            let first = all.map(\.start).min()
            stages.append(Self.stage(stage, own.elements, count: count, first: first, endToEnd: endToEnd))
        }
        return stages.reversed() + [Self.stage(.other, free.elements, count: free.elements.count, endToEnd: endToEnd)]
    }

    private static func stage(
        _ stage: Journey.Stage,
        _ periods: [PeriodSet.Element],
        count: Int,
        first: Int64? = nil,
        endToEnd: UInt64
    ) -> Journey.StageTime {
        let duration = periods.reduce(UInt64(0)) { $0 + UInt64($1.end - $1.start) }
        return Journey.StageTime(
            stage: stage,
            startNanoseconds: (periods.first?.start ?? first).map { UInt64(max(0, $0)) },
            durationNanoseconds: duration,
            share: endToEnd == 0 ? 0 : Double(duration) / Double(endToEnd),
            count: count,
            periods: periods.map { Journey.Period(start: UInt64(max(0, $0.start)), end: UInt64(max(0, $0.end))) }
        )
    }
}
