internal import Foundation

/// The end of a log file that another process appends to.
enum LogTail {
    private static let limit: UInt64 = 64 * 1024

    /// Reads the last lines of a file.
    ///
    /// - Parameters:
    ///   - count: How many lines to return at most.
    ///   - path: The file; a missing one has no lines.
    ///   - offset: Where the part of interest begins, in bytes.
    static func lines(_ count: Int, of path: String, from offset: UInt64 = 0) -> [String] {
        guard let handle = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? handle.close() }
        guard let end = try? handle.seekToEnd(), end > offset else { return [] }
        let start = max(offset, end > limit ? end - limit : 0)
        guard (try? handle.seek(toOffset: start)) != nil, let data = try? handle.readToEnd() else { return [] }
        return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).suffix(count).map { String($0) }
    }

    static func size(of path: String) -> UInt64 {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.uint64Value ?? 0
    }
}
