/// What all series of a family have in common.
struct MetricDescriptor: Sendable {
    enum Kind: Hashable, Sendable {
        case counter, gauge, info
        case histogram(HistogramBuckets)
    }

    let kind: Kind
    /// The name as text 0.0.4 writes it: a counter's ends in `_total`, an info's in `_info`.
    let name: String
    let help: String
    let unit: MetricUnit?
    /// `nil` when each series brings its own, as those of swift-metrics do.
    let labelNames: [String]?

    init(_ kind: Kind, name: String, help: String, unit: MetricUnit?, labels: [String]?) {
        let suffix: String
        switch kind {
        case .counter: suffix = "_total"
        case .info: suffix = "_info"
        case .gauge, .histogram: suffix = ""
        }
        self.kind = kind
        self.name = MetricName.family(name, unit: unit, suffix: suffix)
        self.help = help
        self.unit = unit
        labelNames = labels.map { MetricName.labels($0, reserved: Self.reservedLabels(kind)) }
    }

    /// The name of the family in OpenMetrics, which leaves out what the type appends.
    var familyName: String {
        switch kind {
        case .counter: String(name.dropLast("_total".count))
        case .info: String(name.dropLast("_info".count))
        case .gauge, .histogram: name
        }
    }

    /// Labels that the family's own format uses.
    var reservedLabels: Set<String> { Self.reservedLabels(kind) }

    /// All names that the family takes: of its samples in either format, and of the family in OpenMetrics.
    var occupiedNames: [String] {
        switch kind {
        case .counter: [name, familyName, familyName + "_created"]
        case .info: [name, familyName]
        case .gauge: [name]
        case .histogram: [name, name + "_bucket", name + "_sum", name + "_count", name + "_created"]
        }
    }

    /// Whether an instrument of this description can be used for the other one. The help may differ.
    func isCompatible(with other: MetricDescriptor) -> Bool {
        kind == other.kind && labelNames == other.labelNames
    }

    private static func reservedLabels(_ kind: Kind) -> Set<String> {
        if case .histogram = kind { return ["le", MetricName.overflowLabel] }
        return [MetricName.overflowLabel]
    }
}

/// The labels of one series, as the text formats write them.
struct SeriesLabels: Sendable {
    static let overflow = SeriesLabels([(MetricName.overflowLabel, "true")])

    /// `a="b",c="d"`, escaped; empty when there are none.
    let text: [UInt8]

    init(_ labels: some Sequence<(String, String)>) {
        let buffer = ExpositionBuffer()
        for (name, value) in labels {
            if buffer.count > 0 { buffer.append(",") }
            buffer.append(name)
            buffer.append("=\"")
            buffer.appendLabelValue(value)
            buffer.append("\"")
        }
        text = buffer.bytes
    }

    /// `name{labels} `
    func linePrefix(_ name: String) -> [UInt8] {
        if text.isEmpty { return Array("\(name) ".utf8) }
        return Array("\(name){".utf8) + text + Array("} ".utf8)
    }

    /// `name{labels,le="`
    func bucketPrefix(_ name: String) -> [UInt8] {
        let separator: [UInt8] = text.isEmpty ? [] : [UInt8(ascii: ",")]
        return Array("\(name){".utf8) + text + separator + Array("le=\"".utf8)
    }
}
