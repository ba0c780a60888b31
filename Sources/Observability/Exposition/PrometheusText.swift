internal import Synchronization

/// The Prometheus text format 0.0.4.
///
/// Implements "Exposition formats: Text-based format" of the Prometheus documentation. Families are in the order of
/// their names and series in that of their label values; a family without series is left out; there are no timestamps.
public enum PrometheusText {
    /// The response's `Content-Type`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Renders all metrics of a registry, as UTF-8.
    ///
    /// Observed metrics are read by their callbacks meanwhile. Nobody who counts something waits for it.
    public static func render(_ registry: MetricsRegistry) -> [UInt8] {
        var buffer = ExpositionBuffer()
        // A little more than last time, as numbers get longer.
        let expected = registry.expositionSize.load(ordering: .relaxed)
        buffer.bytes.reserveCapacity(expected + expected / 16)
        for family in registry.families {
            append(family, to: &buffer)
        }
        registry.expositionSize.store(buffer.bytes.count, ordering: .relaxed)
        return buffer.bytes
    }

    private static func append(_ family: RegisteredFamily, to buffer: inout ExpositionBuffer) {
        switch family {
        case .counter(let family):
            let counters = family.instruments
            if counters.isEmpty { return }
            appendHeader(family.descriptor, to: &buffer)
            for counter in counters { append(counter, to: &buffer) }
        case .gauge(let family):
            let gauges = family.instruments
            if gauges.isEmpty { return }
            appendHeader(family.descriptor, to: &buffer)
            for gauge in gauges {
                buffer.append(gauge.linePrefix)
                buffer.append(gauge.value)
                buffer.append("\n")
            }
        case .histogram(let family):
            let histograms = family.instruments
            if histograms.isEmpty { return }
            appendHeader(family.descriptor, to: &buffer)
            for histogram in histograms { append(histogram, to: &buffer) }
        case .observed(let family):
            let values = family.collect()
            if values.isEmpty { return }
            appendHeader(family.descriptor, to: &buffer)
            for value in values {
                let labels = SeriesLabels(zip(family.descriptor.labelNames ?? [], value.labels))
                buffer.append(labels.linePrefix(family.descriptor.name))
                buffer.append(value.value)
                buffer.append("\n")
            }
        }
    }

    private static func appendHeader(_ descriptor: MetricDescriptor, to buffer: inout ExpositionBuffer) {
        if !descriptor.help.isEmpty {
            buffer.append("# HELP ")
            buffer.append(descriptor.name)
            buffer.append(" ")
            for byte in descriptor.help.utf8 {
                switch byte {
                case UInt8(ascii: "\\"): buffer.append("\\\\")
                case UInt8(ascii: "\n"): buffer.append("\\n")
                default: buffer.bytes.append(byte)
                }
            }
            buffer.append("\n")
        }
        buffer.append("# TYPE ")
        buffer.append(descriptor.name)
        switch descriptor.kind {
        case .counter: buffer.append(" counter\n")
        case .gauge, .info: buffer.append(" gauge\n")
        case .histogram: buffer.append(" histogram\n")
        }
    }

    private static func append(_ counter: CounterMetric, to buffer: inout ExpositionBuffer) {
        let (whole, fraction) = counter.parts
        buffer.append(counter.linePrefix)
        if fraction == 0 {
            buffer.append(whole)
        } else {
            buffer.append(Double(whole) + fraction)
        }
        buffer.append("\n")
    }

    private static func append(_ histogram: HistogramMetric, to buffer: inout ExpositionBuffer) {
        let sum = histogram.loadSum()
        var count: UInt64 = 0
        for (index, lineEnd) in histogram.layout.lineEnds.enumerated() {
            count += histogram.loadBucket(index)
            buffer.append(histogram.bucketPrefix)
            buffer.append(lineEnd)
            buffer.append(count)
            buffer.append("\n")
        }
        buffer.append(histogram.sumPrefix)
        buffer.append(sum)
        buffer.append("\n")
        buffer.append(histogram.countPrefix)
        buffer.append(count)
        buffer.append("\n")
    }
}
