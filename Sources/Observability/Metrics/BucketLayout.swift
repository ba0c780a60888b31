/// What all series of a histogram share: the bounds where a search finds them fast, and their text.
///
/// Numbers of one exponent and the same first bits of the mantissa form a cell. The layout takes so many bits that no
/// cell has more than one bound: then a table tells how many bounds lie in the cells below, and one comparison does the
/// rest. Bounds for which that table would be too large are all compared, several at a time.
final class BucketLayout: @unchecked Sendable {
    // Unchecked because of the pointers: the memory is written in `init`, freed in `deinit`, and only read in between.
    private typealias Block = SIMD4<Double>

    private static let largestTable = 512

    let count: Int
    let hasNegativeBounds: Bool
    /// `0.005"} ` for every bound and then `+Inf"} `: what follows `le="` in a line.
    let lineEnds: [[UInt8]]
    /// The bounds, followed by infinities: at least one.
    private let bounds: UnsafeMutablePointer<Double>
    private let blockCount: Int
    /// How many bounds lie below each cell; of the first and the last cell, which have no end, too.
    private let below: UnsafeMutablePointer<UInt8>
    /// Zero when there is no table.
    private let lastCell: Int
    private let firstKey: Int
    private let shift: Int

    init(_ buckets: HistogramBuckets) {
        let values = buckets.bounds
        count = values.count
        hasNegativeBounds = values.first.map { $0 < 0 } ?? false
        blockCount = count / Block.scalarCount + 1
        let blocks = UnsafeMutablePointer<Block>.allocate(capacity: blockCount)
        blocks.initialize(repeating: Block(repeating: .infinity), count: blockCount)
        bounds = UnsafeMutableRawPointer(blocks).assumingMemoryBound(to: Double.self)
        for (index, value) in values.enumerated() { bounds[index] = value }
        below = .allocate(capacity: Self.largestTable)
        below.initialize(repeating: 0, count: Self.largestTable)
        lineEnds = (values + [.infinity]).map { bound in
            let buffer = ExpositionBuffer()
            buffer.appendBound(bound)
            buffer.append("\"} ")
            return buffer.bytes
        }
        let table = hasNegativeBounds ? nil : (0...8).lazy.compactMap { Self.table(values, mantissaBits: $0) }.first
        firstKey = table?.firstKey ?? 0
        shift = table?.shift ?? 0
        lastCell = table.map { $0.below.count - 1 } ?? 0
        for (cell, count) in (table?.below ?? []).enumerated() { below[cell] = count }
    }

    deinit {
        bounds.deallocate()
        below.deallocate()
    }

    /// The index of the first bucket that holds a finite value; `count` for the last one.
    @inline(__always)
    func bucket(of value: Double) -> Int {
        if lastCell == 0 { return search(value) }
        // The bits of positive numbers are in the order of the numbers; those of negative ones are below all of them.
        let key = (Int(truncatingIfNeeded: value.bitPattern) &>> shift) &- firstKey
        var bucket = Int(below[min(max(key, 0), lastCell)])
        // A branch and no arithmetic: what comes later need not wait for the comparison. It is taken once at most.
        while bounds[bucket] < value { bucket &+= 1 }
        return bucket
    }

    @inline(never)
    private func search(_ value: Double) -> Int {
        let blocks = UnsafeRawPointer(bounds).assumingMemoryBound(to: Block.self)
        let value = Block(repeating: value)
        var below = SIMD4<Int64>.zero
        for block in 0..<blockCount {
            // A true lane is -1.
            below &-= unsafeBitCast(blocks[block] .< value, to: SIMD4<Int64>.self)
        }
        return Int(below.wrappedSum())
    }

    /// The table for bounds that are not negative; `nil` if a cell would have two bounds, or the table be too large.
    private static func table(
        _ bounds: [Double],
        mantissaBits: Int
    ) -> (below: [UInt8], firstKey: Int, shift: Int)? {
        guard let first = bounds.first(where: { $0 > 0 }), let last = bounds.last, bounds.count <= UInt8.max,
            Int.bitWidth == 64
        else { return nil }
        let shift = Double.significandBitCount - mantissaBits
        // One cell more at either end; zero, if it is a bound, is alone in the first.
        let firstKey = Int(truncatingIfNeeded: first.bitPattern) >> shift - 1
        let lastCell = Int(truncatingIfNeeded: last.bitPattern) >> shift - firstKey + 1
        guard lastCell < largestTable else { return nil }
        var inCell = [UInt8](repeating: 0, count: lastCell + 1)
        for bound in bounds {
            let cell = max(Int(truncatingIfNeeded: bound.bitPattern) >> shift - firstKey, 0)
            guard inCell[cell] == 0 else { return nil }
            inCell[cell] = 1
        }
        var sum: UInt8 = 0
        let below = inCell.map { count in
            defer { sum += count }
            return sum
        }
        return (below, firstKey, shift)
    }
}
