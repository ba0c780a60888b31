// The names: anything is accepted and made legal. The unit's word and a counter's `_total` are appended when they are
// missing, as Prometheus' naming practice and OpenMetrics ask for.
extension MetricsRegistry {
    /// Registers a counter without labels, exposed from the start with zero.
    ///
    /// - Parameters:
    ///   - name: The metric's name; ends in `_total`, which is appended when it is missing.
    ///   - help: What is counted, in one sentence.
    ///   - unit: The unit; its word is appended to the name when it is missing.
    public func counter(_ name: String, help: String, unit: MetricUnit? = nil) -> CounterMetric {
        counter(name, help: help, unit: unit, labels: []).labels()
    }

    /// Registers a counter with labels.
    ///
    /// - Parameters:
    ///   - name: The metric's name; ends in `_total`, which is appended when it is missing.
    ///   - help: What is counted, in one sentence.
    ///   - unit: The unit; its word is appended to the name when it is missing.
    ///   - labels: The names of the labels.
    public func counter(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        labels: [String]
    ) -> MetricFamily<CounterMetric> {
        counterFamily(MetricDescriptor(.counter, name: name, help: help, unit: unit, labels: labels))
    }

    /// Registers a gauge without labels, exposed from the start with zero.
    ///
    /// - Parameters:
    ///   - name: The metric's name.
    ///   - help: What is measured, in one sentence.
    ///   - unit: The unit; its word is appended to the name when it is missing.
    public func gauge(_ name: String, help: String, unit: MetricUnit? = nil) -> GaugeMetric {
        gauge(name, help: help, unit: unit, labels: []).labels()
    }

    /// Registers a gauge with labels.
    ///
    /// - Parameters:
    ///   - name: The metric's name.
    ///   - help: What is measured, in one sentence.
    ///   - unit: The unit; its word is appended to the name when it is missing.
    ///   - labels: The names of the labels.
    public func gauge(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        labels: [String]
    ) -> MetricFamily<GaugeMetric> {
        gaugeFamily(MetricDescriptor(.gauge, name: name, help: help, unit: unit, labels: labels))
    }

    /// Registers a histogram without labels, exposed from the start with zeros.
    ///
    /// - Parameters:
    ///   - name: The metric's name.
    ///   - help: What is measured, in one sentence.
    ///   - unit: The unit; its word is appended to the name when it is missing.
    ///   - buckets: The upper bounds, in the unit.
    public func histogram(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        buckets: HistogramBuckets
    ) -> HistogramMetric {
        histogram(name, help: help, unit: unit, labels: [], buckets: buckets).labels()
    }

    /// Registers a histogram with labels.
    ///
    /// - Parameters:
    ///   - name: The metric's name.
    ///   - help: What is measured, in one sentence.
    ///   - unit: The unit; its word is appended to the name when it is missing.
    ///   - labels: The names of the labels.
    ///   - buckets: The upper bounds, in the unit.
    public func histogram(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        labels: [String],
        buckets: HistogramBuckets
    ) -> MetricFamily<HistogramMetric> {
        let descriptor = MetricDescriptor(.histogram(buckets), name: name, help: help, unit: unit, labels: labels)
        return histogramFamily(descriptor, layout: BucketLayout(buckets))
    }

    /// Registers facts that are labels of a series with the constant value 1, such as a version.
    ///
    /// - Parameters:
    ///   - name: The metric's name; ends in `_info`, which is appended when it is missing.
    ///   - help: What the facts are about, in one sentence.
    ///   - facts: The labels and their values.
    public func info(_ name: String, help: String, facts: KeyValuePairs<String, String>) {
        let descriptor = MetricDescriptor(.info, name: name, help: help, unit: nil, labels: facts.map(\.key))
        _ = infoFamily(descriptor).instrument(values: facts.map(\.value))
    }

    /// Registers `target_info`, whose labels are the attributes of what is scraped and which comes first.
    ///
    /// Implements "Resource attributes" of the OpenTelemetry Prometheus compatibility: names are made legal, values of
    /// names that become one are joined by `;`, and numbers, truth values and lists are written as JSON has them. Of
    /// two resources the first one stays.
    ///
    /// - Parameter resource: What is scraped.
    public func registerTargetInfo(_ resource: Resource) {
        let attributes = resource.attributes.map { ($0.key, $0.value.labelValue) }
        let labels = MetricName.labels(attributes, reserved: [MetricName.overflowLabel])
        let descriptor = MetricDescriptor(
            .info,
            name: MetricName.target,
            help: "Attributes of the process that is scraped.",
            unit: nil,
            labels: labels.map(\.0)
        )
        _ = infoFamily(descriptor).instrument(values: labels.map(\.1))
    }
}

// Values that somebody else keeps, read when they are scraped: the depth of a queue, a pool's connections, a breaker's
// state. The callbacks run on the scrape's thread and must be quick. Several components may register the same metric
// with different label values.
extension MetricsRegistry {
    /// Registers a gauge without labels whose value is read when it is scraped.
    ///
    /// - Parameters:
    ///   - name: The metric's name.
    ///   - help: What is measured, in one sentence.
    ///   - unit: The unit; its word is appended to the name when it is missing.
    ///   - observe: Reads the value; `nil` leaves the metric out. Replaces the callback of an earlier registration.
    /// - Returns: Ends the registration when it is cancelled.
    @discardableResult
    public func gauge(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        observe: @escaping @Sendable () -> Double?
    ) -> MetricObservation {
        gauge(name, help: help, unit: unit, labels: []) { observe().map { [ObservedValue($0)] } ?? [] }
    }

    /// Registers a gauge with labels whose values are read when it is scraped.
    ///
    /// - Parameters:
    ///   - name: The metric's name.
    ///   - help: What is measured, in one sentence.
    ///   - unit: The unit; its word is appended to the name when it is missing.
    ///   - labels: The names of the labels.
    ///   - observe: Reads the values. Each call of this function adds a callback.
    /// - Returns: Ends the registration when it is cancelled.
    @discardableResult
    public func gauge(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        labels: [String],
        observe: @escaping @Sendable () -> [ObservedValue]
    ) -> MetricObservation {
        self.observe(MetricDescriptor(.gauge, name: name, help: help, unit: unit, labels: labels), observe)
    }

    /// Registers a counter without labels whose value is read when it is scraped.
    ///
    /// - Parameters:
    ///   - name: The metric's name; ends in `_total`, which is appended when it is missing.
    ///   - help: What is counted, in one sentence.
    ///   - unit: The unit; its word is appended to the name when it is missing.
    ///   - observe: Reads the total, which must never fall; `nil` leaves the metric out. Replaces the callback of an
    ///     earlier registration.
    /// - Returns: Ends the registration when it is cancelled.
    @discardableResult
    public func counter(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        observe: @escaping @Sendable () -> Double?
    ) -> MetricObservation {
        counter(name, help: help, unit: unit, labels: []) { observe().map { [ObservedValue($0)] } ?? [] }
    }

    /// Registers a counter with labels whose values are read when it is scraped.
    ///
    /// - Parameters:
    ///   - name: The metric's name; ends in `_total`, which is appended when it is missing.
    ///   - help: What is counted, in one sentence.
    ///   - unit: The unit; its word is appended to the name when it is missing.
    ///   - labels: The names of the labels.
    ///   - observe: Reads the totals, which must never fall. Each call of this function adds a callback.
    /// - Returns: Ends the registration when it is cancelled.
    @discardableResult
    public func counter(
        _ name: String,
        help: String,
        unit: MetricUnit? = nil,
        labels: [String],
        observe: @escaping @Sendable () -> [ObservedValue]
    ) -> MetricObservation {
        self.observe(MetricDescriptor(.counter, name: name, help: help, unit: unit, labels: labels), observe)
    }
}
