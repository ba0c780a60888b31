#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Memory for the messages of one batch: handed out by moving a cursor, taken back all at once.
///
/// Pointers stay valid until ``reset()``. Nothing with a destructor may live here.
final class Arena {
    /// What is kept between batches at most; a larger batch gives its memory back.
    private static let retainedLimit = 8 << 20
    private static let firstChunk = 64 << 10

    private var chunks: [UnsafeMutableRawBufferPointer] = []
    // Touched for every field, by leaf methods that cannot overlap: the run-time check cost a tenth of an encoding.
    @exclusivity(unchecked) private var cursor = 0
    @exclusivity(unchecked) private var end = 0

    deinit {
        for chunk in chunks { chunk.deallocate() }
    }

    /// Memory for values of one type, not initialised.
    func allocate<T>(_ type: T.Type, count: Int) -> UnsafeMutablePointer<T> {
        allocate(bytes: MemoryLayout<T>.stride * count).bindMemory(to: T.self, capacity: count)
    }

    /// Copies bytes behind each other and adds a zero, as C wants its strings.
    ///
    /// protobuf-c measures strings up to the first zero, so a zero inside becomes a space: the rest of the text is
    /// worth more than the difference.
    func copyString(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeMutablePointer<CChar> {
        let text = allocate(bytes: bytes.count + 1).bindMemory(to: CChar.self, capacity: bytes.count + 1)
        if let source = bytes.baseAddress {
            memcpy(text, source, bytes.count)
        }
        text[bytes.count] = 0
        if strlen(text) < bytes.count {
            for index in 0..<bytes.count where text[index] == 0 { text[index] = CChar(UInt8(ascii: " ")) }
        }
        return text
    }

    /// Takes all memory back. A batch that needed several chunks leaves one that would have held it.
    func reset() {
        if chunks.count > 1 || chunks.first.map({ $0.count > Self.retainedLimit }) == true {
            let total = chunks.reduce(0) { $0 + $1.count }
            for chunk in chunks { chunk.deallocate() }
            chunks.removeAll(keepingCapacity: true)
            addChunk(min(total, Self.retainedLimit))
        } else if let chunk = chunks.first, let start = chunk.baseAddress {
            cursor = Int(bitPattern: start)
            end = cursor + chunk.count
        }
    }

    /// Memory that is aligned for every type of the generated structs.
    func allocate(bytes: Int) -> UnsafeMutableRawPointer {
        let size = (bytes + 15) & ~15
        if end - cursor < size { addChunk(max(size, chunks.last.map { $0.count * 2 } ?? Self.firstChunk)) }
        let start = cursor
        cursor += size
        // `cursor` is an address within the last chunk, which is never zero.
        return UnsafeMutableRawPointer(bitPattern: start) ?? .allocate(byteCount: size, alignment: 16)
    }

    private func addChunk(_ size: Int) {
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        chunks.append(chunk)
        cursor = Int(bitPattern: chunk.baseAddress)
        end = cursor + size
    }
}
