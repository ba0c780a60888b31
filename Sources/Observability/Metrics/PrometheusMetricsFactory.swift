public import CoreMetrics

/// The door for code that uses swift-metrics: its instruments become metrics of the registry.
///
/// An executable bootstraps it once, so that libraries that only know the standard API are on the same endpoint.
/// Counters become counters; meters and recorders that do not aggregate become gauges; other recorders become
/// histograms; timers become histograms in seconds. Names and dimensions are made legal, never refused, and instruments
/// of one name may have different dimensions.
public struct PrometheusMetricsFactory: MetricsFactory {
    private let registry: MetricsRegistry
    private let timerBuckets: HistogramBuckets
    private let recorderBuckets: HistogramBuckets
    // Made once, because libraries make instruments often, some of them for every request.
    private let timerLayout: BucketLayout
    private let recorderLayout: BucketLayout
    private let advice: [String: InstrumentAdvice]
    private let layouts: [String: BucketLayout]

    /// Creates the door.
    ///
    /// - Parameters:
    ///   - registry: Gets the metrics.
    ///   - timerBuckets: The buckets of all timers, in seconds.
    ///   - recorderBuckets: The buckets of all recorders that aggregate.
    ///   - advice: What is known about single instruments, by their labels as the library writes them.
    public init(
        registry: MetricsRegistry,
        timerBuckets: HistogramBuckets = .rpcSeconds,
        recorderBuckets: HistogramBuckets = .general,
        advice: [String: InstrumentAdvice] = [:]
    ) {
        self.registry = registry
        self.timerBuckets = timerBuckets
        self.recorderBuckets = recorderBuckets
        timerLayout = BucketLayout(timerBuckets)
        recorderLayout = BucketLayout(recorderBuckets)
        self.advice = advice
        layouts = advice.compactMapValues { $0.buckets.map(BucketLayout.init) }
    }

    /// Makes a counter of whole numbers.
    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        makeCounter(label, dimensions)
    }

    /// Makes a counter of floating-point numbers.
    public func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        makeCounter(label, dimensions)
    }

    /// Makes a gauge.
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        makeGauge(label, dimensions)
    }

    /// Makes a histogram, or a gauge when nothing is to be aggregated.
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        guard aggregate else { return makeGauge(label, dimensions) }
        let descriptor = descriptor(.histogram(advice[label]?.buckets ?? recorderBuckets), label, unit: nil)
        return HistogramSeries(
            registry.histogramFamily(descriptor, layout: layouts[label] ?? recorderLayout),
            dimensions
        )
    }

    /// Makes a histogram in seconds.
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let descriptor = descriptor(.histogram(advice[label]?.buckets ?? timerBuckets), label, unit: .seconds)
        return HistogramSeries(registry.histogramFamily(descriptor, layout: layouts[label] ?? timerLayout), dimensions)
    }

    /// Removes the counter's series.
    public func destroyCounter(_ handler: any CounterHandler) { (handler as? any RemovableSeries)?.remove() }

    /// Removes the counter's series.
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {
        (handler as? any RemovableSeries)?.remove()
    }

    /// Removes the gauge's series.
    public func destroyMeter(_ handler: any MeterHandler) { (handler as? any RemovableSeries)?.remove() }

    /// Removes the recorder's series.
    public func destroyRecorder(_ handler: any RecorderHandler) { (handler as? any RemovableSeries)?.remove() }

    /// Removes the timer's series.
    public func destroyTimer(_ handler: any TimerHandler) { (handler as? any RemovableSeries)?.remove() }

    private func makeCounter(_ label: String, _ dimensions: [(String, String)]) -> CounterSeries {
        CounterSeries(registry.counterFamily(descriptor(.counter, label, unit: nil)), dimensions)
    }

    private func makeGauge(_ label: String, _ dimensions: [(String, String)]) -> GaugeSeries {
        GaugeSeries(registry.gaugeFamily(descriptor(.gauge, label, unit: nil)), dimensions)
    }

    private func descriptor(_ kind: MetricDescriptor.Kind, _ label: String, unit: MetricUnit?) -> MetricDescriptor {
        let advice = advice[label]
        return MetricDescriptor(
            kind,
            name: label,
            help: advice?.help ?? "\(label), recorded through swift-metrics.",
            unit: unit ?? advice?.unit,
            labels: nil
        )
    }
}

/// What swift-metrics cannot say about an instrument.
public struct InstrumentAdvice: Sendable, Hashable {
    /// What is measured, in one sentence.
    public var help: String?
    /// The unit of what is recorded, whose word ends the metric's name. Timers are always in seconds.
    public var unit: MetricUnit?
    /// The buckets of a timer or a recorder, in the unit.
    public var buckets: HistogramBuckets?

    /// Creates advice; what is `nil` stays as it is without advice.
    public init(help: String? = nil, unit: MetricUnit? = nil, buckets: HistogramBuckets? = nil) {
        self.help = help
        self.unit = unit
        self.buckets = buckets
    }
}

/// What a handler of any type can do when its instrument is destroyed.
private protocol RemovableSeries {
    func remove()
}

/// One series of a family, as swift-metrics holds it.
private class Series<Instrument: AnyObject & Sendable>: RemovableSeries, @unchecked Sendable {
    // Unchecked because a class with subclasses cannot be checked: all properties are constant and Sendable, and the
    // subclasses add none.
    final let instrument: Instrument
    private let family: MetricFamily<Instrument>
    private let key: [String]

    init(_ family: MetricFamily<Instrument>, _ dimensions: [(String, String)]) {
        self.family = family
        (instrument, key) = family.instrument(dimensions: dimensions)
    }

    func remove() { family.remove(key: key) }
}

// Sendable: like its superclass it has only immutable, Sendable state; it must say so because that is not final.
private final class CounterSeries: Series<CounterMetric>, CounterHandler, FloatingPointCounterHandler,
    @unchecked Sendable
{
    func increment(by amount: Int64) { instrument.increment(by: Int(amount)) }

    func increment(by amount: Double) { instrument.increment(by: amount) }

    func reset() { instrument.reset() }
}

// Sendable: like its superclass it has only immutable, Sendable state; it must say so because that is not final.
private final class GaugeSeries: Series<GaugeMetric>, MeterHandler, RecorderHandler, @unchecked Sendable {
    func set(_ value: Int64) { instrument.set(Double(value)) }

    func set(_ value: Double) { instrument.set(value) }

    func increment(by amount: Double) { instrument.increment(by: amount) }

    func decrement(by amount: Double) { instrument.decrement(by: amount) }

    func record(_ value: Int64) { instrument.set(Double(value)) }

    func record(_ value: Double) { instrument.set(value) }
}

// Sendable: like its superclass it has only immutable, Sendable state; it must say so because that is not final.
private final class HistogramSeries: Series<HistogramMetric>, RecorderHandler, TimerHandler, @unchecked Sendable {
    func record(_ value: Int64) { instrument.observe(Double(value)) }

    func record(_ value: Double) { instrument.observe(value) }

    func recordNanoseconds(_ duration: Int64) { instrument.observe(Double(duration) / 1e9) }
}
