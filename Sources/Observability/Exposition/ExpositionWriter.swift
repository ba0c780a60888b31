/// Writes what a registry holds, in either format.
///
/// Families are in the order of their names, `target_info` first, and series in that of their label values. A family
/// without series is left out; there are no timestamps and no `_created` samples.
struct ExpositionWriter {
    let buffer: ExpositionBuffer
    let isOpenMetrics: Bool

    func write(_ registry: MetricsRegistry) {
        if isOpenMetrics { registry.exemplars.want() }
        for family in registry.families { write(family) }
        if isOpenMetrics { buffer.append("# EOF\n") }
    }

    private func write(_ family: RegisteredFamily) {
        switch family {
        case .counter(let family): write(family) { write($0) }
        case .gauge(let family): write(family) { write($0) }
        case .histogram(let family): write(family) { write($0) }
        case .info(let family): write(family) { write($0) }
        case .observed(let family): write(family)
        }
    }

    @inline(__always)
    private func write<Instrument>(_ family: MetricFamily<Instrument>, _ write: (Instrument) -> Void) {
        let snapshot = family.snapshot
        if snapshot.isEmpty { return }
        writeHeader(family.header)
        snapshot.forEach(write)
    }

    private func writeHeader(_ header: ExpositionHeader) {
        buffer.append(isOpenMetrics ? header.openMetrics : header.prometheusText)
    }

    private func write(_ gauge: GaugeMetric) {
        buffer.append(gauge.linePrefix)
        buffer.append(gauge.value)
        buffer.append("\n")
    }

    private func write(_ info: InfoMetric) {
        buffer.append(info.linePrefix)
        buffer.append("1\n")
    }

    private func write(_ counter: CounterMetric) {
        if isOpenMetrics { counter.exemplars.copy(to: &buffer.exemplars) }
        let (whole, fraction) = counter.parts
        buffer.append(counter.linePrefix)
        if fraction == 0 {
            buffer.append(whole)
        } else {
            buffer.append(Double(whole) + fraction)
        }
        if isOpenMetrics {
            writeExemplar(0)
            counter.exemplars.arm()
        }
        buffer.append("\n")
    }

    private func write(_ histogram: HistogramMetric) {
        // The exemplars first and the buckets last: each covers what was read before it.
        if isOpenMetrics { histogram.exemplars.copy(to: &buffer.exemplars) }
        let sum = histogram.loadSum()
        let counts = buffer.zeros(histogram.layout.count + 1)
        histogram.addBuckets(to: counts)
        var count: UInt64 = 0
        for index in counts.indices {
            count &+= counts[index]
            buffer.append(histogram.bucketPrefix)
            buffer.append(histogram.layout.lineEnds[index])
            buffer.append(count)
            if isOpenMetrics { writeExemplar(index) }
            buffer.append("\n")
        }
        if isOpenMetrics { histogram.exemplars.arm() }
        // OpenMetrics has no sum, and so no count, where values may be negative: a sum that falls is no counter.
        guard !isOpenMetrics || histogram.isSumMonotonic else { return }
        buffer.append(histogram.sumPrefix)
        buffer.append(sum)
        buffer.append("\n")
        buffer.append(histogram.countPrefix)
        buffer.append(count)
        buffer.append("\n")
    }

    private func write(_ family: ObservedFamily) {
        let (values, overflow) = family.collect()
        if values.isEmpty, overflow == nil { return }
        writeHeader(family.header)
        let names = family.descriptor.labelNames ?? []
        for value in values {
            buffer.append(family.descriptor.name)
            for (index, label) in value.labels.enumerated() {
                buffer.append(index == 0 ? "{" : ",")
                buffer.append(names[index])
                buffer.append("=\"")
                buffer.appendLabelValue(label)
                buffer.append("\"")
            }
            buffer.append(value.labels.isEmpty ? " " : "} ")
            buffer.append(value.value)
            buffer.append("\n")
        }
        guard let overflow else { return }
        buffer.append(SeriesLabels.overflow.linePrefix(family.descriptor.name))
        buffer.append(overflow)
        buffer.append("\n")
    }

    /// Writes ` # {trace_id="…",span_id="…"} 0.43 1700000000.123`; 63 of the 128 code points that labels may have.
    private func writeExemplar(_ place: Int) {
        guard place < buffer.exemplars.count else { return }
        let exemplar = buffer.exemplars[place]
        if exemplar.time == 0 { return }
        buffer.append(" # {")
        if exemplar.traceID.isValid {
            buffer.append("trace_id=\"")
            buffer.appendHex(exemplar.traceID.high)
            buffer.appendHex(exemplar.traceID.low)
            buffer.append("\",span_id=\"")
            buffer.appendHex(exemplar.spanID.value)
            buffer.append("\"")
        }
        buffer.append("} ")
        buffer.append(exemplar.value)
        buffer.append(" ")
        buffer.appendSeconds(nanoseconds: exemplar.time)
    }
}
