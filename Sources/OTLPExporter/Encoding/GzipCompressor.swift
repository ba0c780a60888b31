internal import CZlib

/// Compresses request bodies with gzip, level 1: higher levels cost twice the time and save two per cent of OTLP data.
///
/// Not for two threads at once.
final class GzipCompressor {
    // On the heap, because zlib's state points back to the struct.
    private let stream: UnsafeMutablePointer<z_stream>
    private var output = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 1)

    /// Creates a compressor.
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
        output.deallocate()
    }

    /// Compresses bytes into a buffer that is reused.
    ///
    /// - Returns: The compressed bytes, valid until the next call; `nil` when there are more than zlib can count.
    func compress(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard let count = UInt32(exactly: bytes.count), deflateReset(stream) == Z_OK else { return nil }
        let bound = Int(deflateBound(stream, UInt(bytes.count)))
        if output.count < bound {
            output.deallocate()
            output = .allocate(byteCount: bound, alignment: 16)
        }
        guard let capacity = UInt32(exactly: output.count) else { return nil }
        // zlib only reads through `next_in`; its type is older than const.
        stream.pointee.next_in = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?
            .assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = count
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = capacity
        guard deflate(stream, Z_FINISH) == Z_STREAM_END else { return nil }
        return UnsafeRawBufferPointer(rebasing: output[..<Int(stream.pointee.total_out)])
    }
}
