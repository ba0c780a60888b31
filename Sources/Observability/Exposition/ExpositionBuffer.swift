internal import Synchronization

/// The bytes of an exposition while they are written, and room for what is needed meanwhile.
///
/// Kept and used again, so that a scrape takes no memory once its buffer is large enough.
final class ExpositionBuffer: @unchecked Sendable {
    // Unchecked because of the pointers and counts: whoever has taken a buffer out of the pool is the only one who has
    // it, and gives it back when done.
    private(set) var count = 0
    /// Exemplars of the series that is written.
    var exemplars: [Exemplar] = []
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var counts = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: 32)

    init(capacity: Int = 256) {
        self.capacity = capacity
        memory = .allocate(capacity: capacity)
    }

    deinit {
        memory.deallocate()
        counts.deallocate()
    }

    /// What was written.
    var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }

    /// A copy of what was written.
    var bytes: [UInt8] { Array(contents) }

    func removeAll() {
        count = 0
    }

    /// Zeros, one for each bucket of the histogram that is written.
    func zeros(_ size: Int) -> UnsafeMutableBufferPointer<UInt64> {
        if counts.count < size {
            counts.deallocate()
            counts = .allocate(capacity: size)
        }
        let zeros = UnsafeMutableBufferPointer(rebasing: counts[..<size])
        zeros.initialize(repeating: 0)
        return zeros
    }

    /// Room for some bytes, which ``advance(_:)`` then takes as written.
    @inline(__always)
    func reserve(_ size: Int) -> UnsafeMutablePointer<UInt8> {
        if count + size > capacity { grow(size) }
        return memory + count
    }

    @inline(__always)
    func advance(_ size: Int) {
        count += size
    }

    @inline(__always)
    func append(_ byte: UInt8) {
        reserve(1).pointee = byte
        count += 1
    }

    @inline(__always)
    func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        UnsafeMutableRawPointer(reserve(bytes.count)).copyMemory(from: start, byteCount: bytes.count)
        count += bytes.count
    }

    @inline(__always)
    func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    @inline(__always)
    func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    func append(_ text: String) {
        let isContiguous: Void? = text.utf8.withContiguousStorageIfAvailable { append(UnsafeRawBufferPointer($0)) }
        if isContiguous == nil { append(Array(text.utf8)) }
    }

    @inline(never)
    private func grow(_ size: Int) {
        // Twice as much, so that the copies stay linear in what is written.
        capacity = max(capacity * 2, count + size)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: memory, count: count)
        memory.deallocate()
        memory = larger
    }
}

extension ExpositionBuffer {
    /// Buffers between scrapes.
    final class Pool: Sendable {
        /// More than one or two scrapers at a time are rare; what they needed is not kept for ever.
        private static let limit = 4

        private let buffers = Mutex<[ExpositionBuffer]>([])

        /// Lends an empty buffer to a body.
        func withBuffer<R>(_ body: (ExpositionBuffer) throws -> R) rethrows -> R {
            let buffer = buffers.withLock { $0.popLast() } ?? ExpositionBuffer(capacity: 16 << 10)
            buffer.removeAll()
            defer {
                buffers.withLock { buffers in
                    if buffers.count < Self.limit { buffers.append(buffer) }
                }
            }
            return try body(buffer)
        }
    }
}
