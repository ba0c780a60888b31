internal import CZlib
private import Synchronization

/// Compresses answers of the admin endpoint with gzip.
///
/// Streams of zlib are kept between answers, because each is a quarter of a megabyte.
final class Gzip: Sendable {
    /// What is compressed at a time, in a fraction of a millisecond; other work goes on in between.
    private static let chunk = 64 << 10
    private static let keptStreams = 2

    private let streams = Mutex<[GzipStream]>([])

    /// Compresses bytes. Runs where the caller runs, but lets others have the thread often.
    ///
    /// - Returns: `nil` when zlib gets no memory; then they are sent as they are.
    func compress(_ bytes: [UInt8]) async -> [UInt8]? {
        guard let stream = streams.withLock({ $0.popLast() }) ?? GzipStream() else { return nil }
        defer {
            streams.withLock { streams in
                if streams.count < Self.keptStreams { streams.append(stream) }
            }
        }
        guard stream.begin(inputSize: bytes.count) else { return nil }
        var start = 0
        while true {
            let end = min(start + Self.chunk, bytes.count)
            let isLast = end == bytes.count
            let isDone = bytes.withUnsafeBytes { bytes in
                stream.write(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), isLast: isLast)
            }
            guard isDone else { return nil }
            if isLast { return stream.output }
            start = end
            await Task.yield()
        }
    }
}

/// One stream of zlib, at level 1: higher levels take several times as long and save little of metrics' text.
private final class GzipStream: @unchecked Sendable {
    // Unchecked because of the pointers: whoever has taken a stream out of the list is the only one who has it.

    // On the heap, because zlib's state points back to the struct.
    private let stream: UnsafeMutablePointer<z_stream>
    private var memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 1)

    /// Creates a stream.
    ///
    /// - Returns: `nil` when zlib gets no memory.
    init?() {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard czlib_gzip_init(stream, 1) == Z_OK else {
            stream.deallocate()
            return nil
        }
        self.stream = stream
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
        memory.deallocate()
    }

    /// What was written since the beginning.
    var output: [UInt8] { Array(memory[..<Int(stream.pointee.total_out)]) }

    /// Begins anew.
    ///
    /// - Returns: Whether there is room for the result.
    func begin(inputSize: Int) -> Bool {
        guard deflateReset(stream) == Z_OK else { return false }
        // The bound is for one call; each further one may end a block.
        let bound = Int(deflateBound(stream, UInt(inputSize))) + inputSize / 1024 + 1024
        if memory.count < bound {
            memory.deallocate()
            memory = .allocate(byteCount: bound, alignment: 16)
        }
        guard let capacity = UInt32(exactly: memory.count) else { return false }
        stream.pointee.next_out = memory.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = capacity
        return true
    }

    /// Compresses some bytes more.
    ///
    /// - Returns: Whether all of them were taken.
    func write(_ bytes: UnsafeRawBufferPointer, isLast: Bool) -> Bool {
        guard let count = UInt32(exactly: bytes.count) else { return false }
        // zlib only reads through `next_in`; its type is older than const.
        stream.pointee.next_in = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?
            .assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = count
        let result = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
        return isLast ? result == Z_STREAM_END : result == Z_OK && stream.pointee.avail_in == 0
    }
}
