internal import Synchronization

/// The metrics of a process, or of a test.
///
/// A registry is passed to whoever counts something; there is no global one. Registering the same metric again returns
/// the one that is there, so that components need not know of one another. A mistake, such as a second registration
/// with other labels, is counted and reported once through ``setProblemHandler(_:)``; the caller gets an instrument
/// that works but is not exposed.
public final class MetricsRegistry: Sendable {
    /// What went wrong so far.
    public struct Statistics: Sendable, Hashable {
        /// Measurements that were ignored: negative increments, and values that are not finite.
        public var rejectedMeasurements: Int
        /// How often each problem occurred, reported or not.
        public var problems: [MetricsProblem.Code: Int]
    }

    private struct State {
        var byName: [String: RegisteredFamily] = [:]
        /// In ascending order of the names.
        var ordered: [RegisteredFamily] = []
        /// Names of samples and families, and the family that has taken them.
        var occupied: [String: String] = [:]
    }

    private enum Registration<Family> {
        case family(Family)
        case conflict(with: MetricDescriptor)
        case full
    }

    /// Bounds what a library that makes up metric names can cost.
    private static let familyLimit = 10_000

    private let seriesLimit: Int
    private let diagnostics = MetricsDiagnostics()
    private let state = Mutex(State())
    let exemplars: ExemplarPolicy
    let expositionBuffers = ExpositionBuffer.Pool()

    /// Creates an empty registry.
    ///
    /// - Parameters:
    ///   - seriesLimit: The most series of one metric, the overflow series among them.
    ///   - exemplarFilter: Which measurements may become exemplars.
    ///   - clock: The time in nanoseconds since the Unix epoch, for exemplars.
    public init(
        seriesLimit: Int = 2000,
        exemplarFilter: ExemplarFilter = .traceBased,
        clock: @escaping @Sendable () -> UInt64 = { TracerProvider.wallClock() }
    ) {
        self.seriesLimit = seriesLimit
        exemplars = ExemplarPolicy(filter: exemplarFilter, clock: clock)
    }

    /// Sets who is told of a problem, once for each metric and kind of problem, on the thread that caused it.
    public func setProblemHandler(_ handler: (@Sendable (MetricsProblem) -> Void)?) {
        diagnostics.setHandler(handler)
    }

    /// What went wrong so far.
    public var statistics: Statistics {
        Statistics(rejectedMeasurements: diagnostics.rejectedMeasurements, problems: diagnostics.counts)
    }

    /// The families in ascending order of their names, but `target_info` first.
    var families: [RegisteredFamily] {
        state.withLock(\.ordered)
    }

    func counterFamily(_ descriptor: MetricDescriptor) -> MetricFamily<CounterMetric> {
        family(descriptor, wrap: RegisteredFamily.counter) { registered in
            if case .counter(let family) = registered { family } else { nil }
        } make: { [exemplars, diagnostics] labels in
            CounterMetric(name: descriptor.name, labels: labels, exemplars: exemplars, diagnostics: diagnostics)
        }
    }

    func gaugeFamily(_ descriptor: MetricDescriptor) -> MetricFamily<GaugeMetric> {
        family(descriptor, wrap: RegisteredFamily.gauge) { registered in
            if case .gauge(let family) = registered { family } else { nil }
        } make: { labels in
            GaugeMetric(name: descriptor.name, labels: labels)
        }
    }

    func histogramFamily(_ descriptor: MetricDescriptor, layout: BucketLayout) -> MetricFamily<HistogramMetric> {
        family(descriptor, wrap: RegisteredFamily.histogram) { registered in
            if case .histogram(let family) = registered { family } else { nil }
        } make: { [exemplars, diagnostics] labels in
            HistogramMetric(
                name: descriptor.name,
                labels: labels,
                layout: layout,
                exemplars: exemplars,
                diagnostics: diagnostics
            )
        }
    }

    func infoFamily(_ descriptor: MetricDescriptor) -> MetricFamily<InfoMetric> {
        family(descriptor, wrap: RegisteredFamily.info) { registered in
            if case .info(let family) = registered { family } else { nil }
        } make: { labels in
            InfoMetric(name: descriptor.name, labels: labels)
        }
    }

    func observe(_ descriptor: MetricDescriptor, _ observe: @escaping ObservedFamily.Observe) -> MetricObservation {
        let new = ObservedFamily(descriptor, limit: seriesLimit, diagnostics: diagnostics)
        let family = register(descriptor, make: { new }, wrap: RegisteredFamily.observed) { registered in
            if case .observed(let family) = registered { family } else { nil }
        }
        return family?.add(observe) ?? MetricObservation {}
    }

    private func family<Instrument: AnyObject & Sendable>(
        _ descriptor: MetricDescriptor,
        wrap: (MetricFamily<Instrument>) -> RegisteredFamily,
        existing: (RegisteredFamily) -> MetricFamily<Instrument>?,
        make: @escaping @Sendable (SeriesLabels) -> Instrument
    ) -> MetricFamily<Instrument> {
        let create = { [seriesLimit, diagnostics] isDetached in
            MetricFamily(
                descriptor,
                limit: seriesLimit,
                diagnostics: diagnostics,
                isDetached: isDetached,
                make: make
            )
        }
        return register(descriptor, make: { create(false) }, wrap: wrap, existing: existing) ?? create(true)
    }

    /// Finds or adds a family; `nil` and a report when neither is possible.
    private func register<Family>(
        _ descriptor: MetricDescriptor,
        make: () -> Family,
        wrap: (Family) -> RegisteredFamily,
        existing: (RegisteredFamily) -> Family?
    ) -> Family? {
        let name = descriptor.name
        let registration = state.withLock { state -> Registration<Family> in
            if let registered = state.byName[name] {
                guard let family = existing(registered), registered.descriptor.isCompatible(with: descriptor) else {
                    return .conflict(with: registered.descriptor)
                }
                return .family(family)
            }
            for occupied in descriptor.occupiedNames {
                if let other = state.occupied[occupied], let registered = state.byName[other] {
                    return .conflict(with: registered.descriptor)
                }
            }
            guard state.ordered.count < Self.familyLimit else { return .full }
            let family = make()
            let registered = wrap(family)
            state.byName[name] = registered
            state.ordered.insert(registered, at: state.ordered.partitioningIndex { $0.descriptor.follows(descriptor) })
            for occupied in descriptor.occupiedNames { state.occupied[occupied] = name }
            return .family(family)
        }
        switch registration {
        case .family(let family):
            return family
        case .conflict(let other):
            diagnostics.report(
                .conflictingRegistration,
                name,
                "registered as \(descriptor.summary), but there is \(other.name), \(other.summary); "
                    + "the measurements of the later registration are not exposed"
            )
        case .full:
            diagnostics.report(
                .familyLimit,
                name,
                "there are \(Self.familyLimit) metrics already; its measurements are not exposed"
            )
        }
        return nil
    }
}

/// A family of any type.
enum RegisteredFamily: Sendable {
    case counter(MetricFamily<CounterMetric>)
    case gauge(MetricFamily<GaugeMetric>)
    case histogram(MetricFamily<HistogramMetric>)
    case info(MetricFamily<InfoMetric>)
    case observed(ObservedFamily)

    var descriptor: MetricDescriptor {
        switch self {
        case .counter(let family): family.descriptor
        case .gauge(let family): family.descriptor
        case .histogram(let family): family.descriptor
        case .info(let family): family.descriptor
        case .observed(let family): family.descriptor
        }
    }
}

extension MetricDescriptor {
    /// Whether it comes after another one in an exposition: in the order of the names, but `target_info` first.
    fileprivate func follows(_ other: MetricDescriptor) -> Bool {
        if name == MetricName.target || other.name == MetricName.target { return name != MetricName.target }
        return name > other.name
    }

    /// The type, labels and buckets in words.
    fileprivate var summary: String {
        let type: String
        switch kind {
        case .counter: type = "a counter"
        case .gauge: type = "a gauge"
        case .info: type = "an info"
        case .histogram(let buckets): type = "a histogram with \(buckets.bounds.count) bounds"
        }
        guard let labelNames else { return "\(type) of swift-metrics" }
        return labelNames.isEmpty ? type : "\(type) by \(labelNames.joined(separator: ", "))"
    }
}
