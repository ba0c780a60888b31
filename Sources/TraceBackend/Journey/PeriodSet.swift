/// A set of moments as periods that are sorted and do not touch.
struct PeriodSet: Equatable {
    struct Element: Equatable {
        var start: Int64
        var end: Int64
    }

    private(set) var elements: [Element]

    /// Creates the union of periods; empty ones vanish.
    init(_ periods: [Element]) {
        elements = []
        for period in periods.sorted(by: { $0.start < $1.start }) where period.end > period.start {
            if let last = elements.last, period.start <= last.end {
                elements[elements.count - 1].end = max(last.end, period.end)
            } else {
                elements.append(period)
            }
        }
    }

    /// The moments that are in both sets.
    func intersection(_ other: PeriodSet) -> PeriodSet {
        var common: [Element] = []
        var left = elements.startIndex
        var right = other.elements.startIndex
        while left < elements.endIndex, right < other.elements.endIndex {
            let a = elements[left]
            let b = other.elements[right]
            common.append(Element(start: max(a.start, b.start), end: min(a.end, b.end)))
            if a.end < b.end { left += 1 } else { right += 1 }
        }
        return PeriodSet(common)
    }

    /// The moments that are in this set and not in the other.
    func subtracting(_ other: PeriodSet) -> PeriodSet {
        var rest: [Element] = []
        var next = other.elements.startIndex
        for element in elements {
            var start = element.start
            while next < other.elements.endIndex, other.elements[next].end <= start { next += 1 }
            var index = next
            while index < other.elements.endIndex, other.elements[index].start < element.end {
                rest.append(Element(start: start, end: other.elements[index].start))
                start = other.elements[index].end
                index += 1
            }
            rest.append(Element(start: start, end: element.end))
        }
        return PeriodSet(rest)
    }
}
