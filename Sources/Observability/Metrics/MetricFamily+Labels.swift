// Overloads for up to five labels rather than one variadic function: a variadic call puts its values into an array.
extension MetricFamily {
    @inline(__always)
    fileprivate func find(_ value1: String) -> Instrument {
        guard labelCount == 1 else { return instrument(values: [value1]) }
        var hash = LabelHash(seed: index.seed)
        hash.add(value1)
        return index.find(hash.value) { $0[0] == value1 }
            ?? instrument(values: [value1])
    }

    @inline(__always)
    fileprivate func find(_ value1: String, _ value2: String) -> Instrument {
        guard labelCount == 2 else { return instrument(values: [value1, value2]) }
        var hash = LabelHash(seed: index.seed)
        hash.add(value1)
        hash.add(value2)
        return index.find(hash.value) { $0[0] == value1 && $0[1] == value2 }
            ?? instrument(values: [value1, value2])
    }

    @inline(__always)
    fileprivate func find(_ value1: String, _ value2: String, _ value3: String) -> Instrument {
        guard labelCount == 3 else { return instrument(values: [value1, value2, value3]) }
        var hash = LabelHash(seed: index.seed)
        hash.add(value1)
        hash.add(value2)
        hash.add(value3)
        return index.find(hash.value) { $0[0] == value1 && $0[1] == value2 && $0[2] == value3 }
            ?? instrument(values: [value1, value2, value3])
    }

    @inline(__always)
    fileprivate func find(_ value1: String, _ value2: String, _ value3: String, _ value4: String) -> Instrument {
        guard labelCount == 4 else { return instrument(values: [value1, value2, value3, value4]) }
        var hash = LabelHash(seed: index.seed)
        hash.add(value1)
        hash.add(value2)
        hash.add(value3)
        hash.add(value4)
        return index.find(hash.value) { $0[0] == value1 && $0[1] == value2 && $0[2] == value3 && $0[3] == value4 }
            ?? instrument(values: [value1, value2, value3, value4])
    }

    @inline(__always)
    fileprivate func find(_ value1: String, _ value2: String, _ value3: String, _ value4: String, _ value5: String)
        -> Instrument
    {
        guard labelCount == 5 else { return instrument(values: [value1, value2, value3, value4, value5]) }
        var hash = LabelHash(seed: index.seed)
        hash.add(value1)
        hash.add(value2)
        hash.add(value3)
        hash.add(value4)
        hash.add(value5)
        return index.find(hash.value) {
            $0[0] == value1 && $0[1] == value2 && $0[2] == value3 && $0[3] == value4 && $0[4] == value5
        }
            ?? instrument(values: [value1, value2, value3, value4, value5])
    }
}

extension MetricFamily where Instrument == CounterMetric {
    /// The counter for the value of the family's label; the same one for the same values.
    public func labels(_ a: String) -> CounterMetric { find(a) }

    /// The counter for the values of the family's two labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String) -> CounterMetric { find(a, b) }

    /// The counter for the values of the family's three labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String, _ c: String) -> CounterMetric { find(a, b, c) }

    /// The counter for the values of the family's four labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String, _ c: String, _ d: String) -> CounterMetric { find(a, b, c, d) }

    /// The counter for the values of the family's five labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String, _ c: String, _ d: String, _ e: String) -> CounterMetric {
        find(a, b, c, d, e)
    }

    /// The counter for any number of label values, in their order; the same one for the same values.
    @_disfavoredOverload
    public func labels(_ values: String...) -> CounterMetric { instrument(values: values) }
}

extension MetricFamily where Instrument == GaugeMetric {
    /// The gauge for the value of the family's label; the same one for the same values.
    public func labels(_ a: String) -> GaugeMetric { find(a) }

    /// The gauge for the values of the family's two labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String) -> GaugeMetric { find(a, b) }

    /// The gauge for the values of the family's three labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String, _ c: String) -> GaugeMetric { find(a, b, c) }

    /// The gauge for the values of the family's four labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String, _ c: String, _ d: String) -> GaugeMetric { find(a, b, c, d) }

    /// The gauge for the values of the family's five labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String, _ c: String, _ d: String, _ e: String) -> GaugeMetric {
        find(a, b, c, d, e)
    }

    /// The gauge for any number of label values, in their order; the same one for the same values.
    @_disfavoredOverload
    public func labels(_ values: String...) -> GaugeMetric { instrument(values: values) }
}

extension MetricFamily where Instrument == HistogramMetric {
    /// The histogram for the value of the family's label; the same one for the same values.
    public func labels(_ a: String) -> HistogramMetric { find(a) }

    /// The histogram for the values of the family's two labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String) -> HistogramMetric { find(a, b) }

    /// The histogram for the values of the family's three labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String, _ c: String) -> HistogramMetric { find(a, b, c) }

    /// The histogram for the values of the family's four labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String, _ c: String, _ d: String) -> HistogramMetric { find(a, b, c, d) }

    /// The histogram for the values of the family's five labels, in their order; the same one for the same values.
    public func labels(_ a: String, _ b: String, _ c: String, _ d: String, _ e: String) -> HistogramMetric {
        find(a, b, c, d, e)
    }

    /// The histogram for any number of label values, in their order; the same one for the same values.
    @_disfavoredOverload
    public func labels(_ values: String...) -> HistogramMetric { instrument(values: values) }
}
